"""Certificates as an authority would give them, made here and now."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


@dataclass
class Authority:
    """Signs certificates; by itself unless another has signed it."""

    title: str = "Authority"
    issuer: Authority | None = None
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    @property
    def certificate(self) -> x509.Certificate:
        signer = self.issuer or self
        builder = _builder(self.title, signer.title, NOW - DAY, NOW + 3650 * DAY).public_key(self.key.public_key())
        return builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
            signer.key, hashes.SHA256()
        )

    def write(self, folder: Path) -> Path:
        """What clients trust; its file."""
        path = folder / "ca.pem"
        path.write_bytes(pem(self.certificate))
        return path

    def signed(
        self,
        *names: str,
        key: CertificateIssuerPrivateKeyTypes,
        begins_at: datetime = NOW - DAY,
        ends_at: datetime = NOW + 89 * DAY,
    ) -> x509.Certificate:
        """A server's certificate for these names and addresses."""
        builder = _builder("server", self.title, begins_at, ends_at).public_key(key.public_key())
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), False)
        return builder.sign(self.key, hashes.SHA256())


@dataclass
class Files:
    """`tls_cert` and `tls_key`."""

    cert: Path
    key: Path

    @property
    def settings(self) -> dict[str, str]:
        return {"WHITEROOM_TLS_CERT": str(self.cert), "WHITEROOM_TLS_KEY": str(self.key)}


def issue(
    authority: Authority,
    folder: Path,
    *names: str,
    begins_at: datetime = NOW - DAY,
    ends_at: datetime = NOW + 89 * DAY,
) -> Files:
    """A pair of files for these names, as an ACME client leaves them: each put in place whole."""
    key = new_key()
    certificate = authority.signed(*names, key=key, begins_at=begins_at, ends_at=ends_at)
    files = Files(folder / "cert.pem", folder / "key.pem")
    put(files.cert, pem(certificate), 0o644)
    put(files.key, pem_of_key(key), 0o600)
    return files


def put(path: Path, content: bytes, mode: int) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(content)
    new.chmod(mode)
    new.rename(path)


def pem(*certificates: x509.Certificate) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def pem_of_key(key: CertificateIssuerPrivateKeyTypes, password: bytes = b"") -> bytes:
    sealed: KeySerializationEncryption = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)


def _builder(title: str, issuer: str, begins_at: datetime, ends_at: datetime) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(name(title)).issuer_name(name(issuer))
    return builder.serial_number(x509.random_serial_number()).not_valid_before(begins_at).not_valid_after(ends_at)


def _general(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
