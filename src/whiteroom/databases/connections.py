"""Connections to members' PostgreSQL: each of one account, made by the operator, its password sealed in the store."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from whiteroom.base.addresses import is_loopback
from whiteroom.databases.urls import options_in, split_url

POSTGRESQL: Final = "postgresql"
DEFAULT_PORT: Final = 5432
_SCHEMES = frozenset({POSTGRESQL, "postgres"})
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,255}")
_TLS = ("verify-full", "verify-ca", "require", "disable")
_OPTIONS = ("sslmode", "sslrootcert")
_LONGEST = 128
_WRITTEN = "postgresql://USER@HOST:PORT/DATABASE"


@dataclass(frozen=True, slots=True)
class Connection:
    """How a database is reached, as whom."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    sslmode: str
    """As libpq has it: `verify-full`, `verify-ca`, `require` or `disable`."""
    sslrootcert: str = ""
    """A file of this machine with the authorities that its certificate may be of; empty for the system's."""

    @property
    def shown(self) -> str:
        """It without its password, for its owner and the operator."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{POSTGRESQL}://{self.user}@{host}:{self.port}/{self.database}"

    @property
    def tls(self) -> str:
        """Whether it is by TLS, and what its certificate is held to, in libpq's words."""
        return self.sslmode

    @property
    def is_exposed(self) -> bool:
        """Whether somebody on the way could take the place of the database."""
        return self.sslmode in {"require", "disable"} and not is_loopback(self.host)


def parse_connection(url: str, password: str) -> Connection:
    """A connection, as an operator writes it.

    Raises:
        ValueError: what is written is none, or may not be. The message says why, and holds no password.
    """
    parts, port = split_url(url, _WRITTEN)
    host, user, database = parts.hostname or "", unquote(parts.username or ""), unquote(parts.path[1:])
    if parts.scheme not in _SCHEMES or not host or not user or not database or parts.fragment:
        raise ValueError(f"The connection is not written as {_WRITTEN}: it has a user, a host and a database.")
    if not _HOST.fullmatch(host):
        raise ValueError(f"{host!r} is no host: a connection leads to one, by its name or address.")
    for what, text in (("user", user), ("database", database), ("password", password)):
        if "\0" in text or (what != "password" and (len(text) > _LONGEST or not text.isprintable())):
            raise ValueError(f"The {what} is none that PostgreSQL can have.")
    sslmode, authorities = _tls(host, options_in(parts, _OPTIONS))
    return Connection(host, port or DEFAULT_PORT, database, user, password, sslmode, authorities)


def _tls(host: str, options: dict[str, str]) -> tuple[str, str]:
    sslmode = options.get("sslmode", "disable" if is_loopback(host) else _TLS[0])
    if sslmode not in _TLS:
        raise ValueError(f"sslmode is {sslmode!r}; it must be one of {', '.join(_TLS)}.")
    authorities = options.get("sslrootcert", "")
    if authorities and not (authorities.startswith("/") and authorities.isprintable()):
        raise ValueError("sslrootcert must be the absolute path of a file with certificates.")
    if authorities and sslmode in {"require", "disable"}:
        raise ValueError(
            f"sslrootcert goes with verify-full and verify-ca; under {sslmode} no certificate is looked at."
        )
    return sslmode, authorities
