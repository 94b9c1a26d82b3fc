"""TLS by the server itself: the certificate of `whiteroom up`, and what `whiteroom doctor` says of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from whiteroom.base.addresses import is_loopback
from whiteroom.base.clock import Clock, utc_now
from whiteroom.cli.problems import Problem
from whiteroom.cli.server_file import server_url
from whiteroom.domain.execution.runs import Finding
from whiteroom.settings import DEFAULT_PORT, Settings
from whiteroom.web.openmetrics import Family, Labels, gauge
from whiteroom.wire.certificates import CertificateUnusable, read_certificate
from whiteroom.wire.current_certificate import CurrentCertificate

TITLE = "TLS"


@contextmanager
def own_certificate(settings: Settings) -> Iterator[CurrentCertificate | None]:
    """The server's certificate, read again while this is open; None where the settings name none.

    Raises:
        Problem: it cannot be used.
    """
    if not settings.tls_cert:
        yield None
        return
    try:
        certificate = CurrentCertificate(Path(settings.tls_cert), Path(settings.tls_key))
    except CertificateUnusable as error:
        raise Problem(str(error)) from None
    certificate.start()
    try:
        yield certificate
    finally:
        certificate.close()


def about(certificate: CurrentCertificate | None) -> Sequence[Family]:
    """For Prometheus: when the certificate in use ends."""
    if certificate is None:
        return ()
    ends: dict[Labels, float] = {(): certificate.ends_at.timestamp()}
    return (gauge("whiteroom_certificate_end_seconds", "When the certificate in use expires.", ends, "seconds"),)


def about_tls(settings: Settings, clock: Clock = utc_now) -> Iterator[Finding]:
    """Whether requests are protected on their way, and the certificate that protects them."""
    if not settings.tls_cert:
        if not is_loopback(settings.host) and not settings.public_url.startswith("https://"):
            detail = (
                f"NONE: on {settings.host}, requests and answers cross the network in plain text. Set tls_cert and "
                "tls_key, or put a proxy with TLS in front and name it in public_url."
            )
            yield Finding(TITLE, ok=True, detail=detail)
        return
    try:
        certificate = read_certificate(Path(settings.tls_cert), Path(settings.tls_key))
    except CertificateUnusable as error:
        yield Finding(TITLE, ok=False, detail=str(error), remedy="No server starts with it.")
        return
    detail = f"The certificate in {settings.tls_cert} is {certificate.summary}."
    url = settings.public_url or server_url(settings.host, settings.port or DEFAULT_PORT, tls=True)
    host = urlsplit(url).hostname or ""
    trouble = certificate.trouble(clock()) or certificate.chain_trouble
    if not trouble and not certificate.covers(host):
        trouble = f"Members are told {url}, and it is not for {host}: set public_url to a name that it is for."
    yield Finding(TITLE, not trouble, detail, trouble)


def has_terminal() -> bool:
    """Whether this process has a terminal, whose end is a SIGHUP too."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
