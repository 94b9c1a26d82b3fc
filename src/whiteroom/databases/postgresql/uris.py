"""How libpq is told of a connection: all that it would look for elsewhere is said, so that it looks nowhere."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote, urlencode

from whiteroom.databases.connections import Connection

CONNECT_SECONDS = 10
_AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep the authorities that they trust: the driver brings a TLS of its own, which knows none."""


def uri(connection: Connection) -> str:
    """The connection as libpq takes it."""
    options = {
        "sslmode": connection.sslmode,
        "connect_timeout": str(CONNECT_SECONDS),
        "application_name": "whiteroom",
        # Of this machine's user: none of it is the member's.
        "passfile": "/dev/null",
        "sslcertmode": "disable",
        "gssencmode": "disable",
        # A machine that is gone without a word is given up within a minute.
        "keepalives_idle": "20",
        "keepalives_interval": "10",
        "keepalives_count": "4",
        "tcp_user_timeout": "60000",
    }
    if connection.sslmode.startswith("verify"):
        options["sslrootcert"] = connection.sslrootcert or _system_authorities()
    user, password, database = (
        quote(part, safe="") for part in (connection.user, connection.password, connection.database)
    )
    host = f"[{connection.host}]" if ":" in connection.host else connection.host
    return f"postgresql://{user}:{password}@{host}:{connection.port}/{database}?{urlencode(options, quote_via=quote)}"


def _system_authorities() -> str:
    return next((path for path in _AUTHORITIES if Path(path).is_file()), "system")
