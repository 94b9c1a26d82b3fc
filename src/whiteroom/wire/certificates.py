"""The server's certificate and its key, read from their files and judged."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key

MAX_BYTES = 1_000_000
CIPHERS = "@SECLEVEL=2:ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption alone. TLS 1.3 has no others."""
NOT_FOR_OTHERS = stat.S_IRWXO | stat.S_IWGRP
SOON = 10
"""It is told that a certificate ends once less than one in so many parts of its time is left."""


class CertificateUnusable(Exception):
    """The files cannot serve. The message is for the operator, and says what to do."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as it was in its file, with its key in a context for connections."""

    context: ssl.SSLContext
    digest: bytes
    """Of both files."""
    names: Sequence[str]
    """Names and addresses that it is for."""
    begins_at: datetime
    ends_at: datetime
    chain_trouble: str
    """What is wrong with the order of its chain; empty where nothing is."""

    def covers(self, host: str) -> bool:
        """Whether clients that reach the server as `host` take it for theirs."""
        try:
            address = str(ipaddress.ip_address(host.strip("[]")))
        except ValueError:
            wild = "*." + host.lower().partition(".")[2]
            return any(name.lower() in {host.lower(), wild} for name in self.names)
        return address in self.names

    def trouble(self, now: datetime) -> str:
        """What is wrong with its time: it is over, has not begun, or is nearly over. Empty where nothing is."""
        if now >= self.ends_at:
            return f"It expired at {_written(self.ends_at)}, and clients refuse it: renew it."
        if now < self.begins_at:
            return f"It is valid from {_written(self.begins_at)} only: see whether this machine's clock is right."
        if (self.ends_at - now) * SOON < self.ends_at - self.begins_at:
            return f"It expires at {_written(self.ends_at)}: renew it."
        return ""

    @property
    def summary(self) -> str:
        """For whom, and until when."""
        return f"for {', '.join(self.names) or 'nobody'}, valid until {_written(self.ends_at)}"


def read_certificate(cert: Path, key: Path) -> Certificate:
    """Read both files, of which `key` is a secret.

    Raises:
        CertificateUnusable: one cannot be read or is not what it should be, or they are no pair.
    """
    chain_bytes, key_bytes = _bytes_of(cert, "tls_cert"), _bytes_of(key, "tls_key", secret=True)
    try:
        chain = x509.load_pem_x509_certificates(chain_bytes)
        first = chain[0]
        names, public = _names_of(first), first.public_key()
        begins_at, ends_at = first.not_valid_before_utc, first.not_valid_after_utc
        chain_trouble = _chain_trouble(chain)
    except Exception:  # noqa: BLE001 - what cannot be read has a dozen exceptions there, of no common base
        raise CertificateUnusable(
            f"tls_cert: {cert} is no certificate in PEM. It has the server's certificate first, then its chain."
        ) from None
    try:
        private = load_pem_private_key(key_bytes, None)
    except TypeError:
        raise CertificateUnusable(
            f"tls_key: {key} is protected by a password, which a server that starts by itself cannot be asked for. "
            f"Take it off (openssl pkey -in {key.name} -out NEW), and keep the new file from others."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise CertificateUnusable(f"tls_key: {key} is no private key in PEM.") from None
    if private.public_key() != public:
        raise CertificateUnusable(
            f"tls_key: {key} is not the key of the first certificate in {cert}. The server's own certificate comes "
            "first in it, then its chain."
        )
    return Certificate(
        context=_context(chain_bytes, key_bytes, cert),
        digest=hashlib.sha256(chain_bytes + b"\0" + key_bytes).digest(),
        names=names,
        begins_at=begins_at,
        ends_at=ends_at,
        chain_trouble=chain_trouble,
    )


def _context(chain: bytes, key: bytes, cert: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_ciphers(CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    # By files in memory: what was judged is what is used, and OpenSSL takes nothing but paths.
    chain_fd, key_fd = os.memfd_create("tls_cert"), os.memfd_create("tls_key")
    try:
        for descriptor, content in ((chain_fd, chain), (key_fd, key)):
            with os.fdopen(os.dup(descriptor), "wb") as file:
                file.write(content)
        context.load_cert_chain(f"/proc/self/fd/{chain_fd}", f"/proc/self/fd/{key_fd}", password=lambda: "")
    except ssl.SSLError as error:
        raise CertificateUnusable(
            f"tls_cert: {cert} cannot be used: {(error.reason or str(error)).replace('_', ' ').lower()}."
        ) from None
    finally:
        os.close(chain_fd)
        os.close(key_fd)
    return context


def _bytes_of(path: Path, setting: str, *, secret: bool = False) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise CertificateUnusable(f"{setting}: {path} is not there.") from None
    except OSError as error:
        raise CertificateUnusable(
            f"{setting}: {path} cannot be read by user {os.geteuid()}: {error.strerror}. Let the server's user or one "
            "of its groups read it, and nobody else."
        ) from None
    with os.fdopen(descriptor, "rb") as file:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise CertificateUnusable(f"{setting}: {path} is no file.")
        if secret and facts.st_mode & NOT_FOR_OTHERS:
            raise CertificateUnusable(
                f"{setting}: {path} has the mode {stat.S_IMODE(facts.st_mode):o}, so others may read or change it: "
                f"chmod 600 {path}, or 640 for a group of the server's."
            )
        found = file.read(MAX_BYTES + 1)
    if len(found) > MAX_BYTES:
        raise CertificateUnusable(f"{setting}: {path} is larger than {MAX_BYTES:,} bytes: it is no such file.")
    return found


def _names_of(certificate: x509.Certificate) -> Sequence[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    addresses = map(str, found.get_values_for_type(x509.IPAddress))
    return (*found.get_values_for_type(x509.DNSName), *addresses)


def _chain_trouble(chain: Sequence[x509.Certificate]) -> str:
    for number, (one, issuer) in enumerate(pairwise(chain), 2):
        try:
            one.verify_directly_issued_by(issuer)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return f"Certificate {number} in the file has not issued the one before it: put them in order."
    return ""


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
