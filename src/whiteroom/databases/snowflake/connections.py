"""Connections to members' accounts at Snowflake: what a secret of AWS Secrets Manager holds at AWS."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from whiteroom.base.addresses import is_loopback
from whiteroom.databases.urls import options_in, split_url
from whiteroom.domain.privacy.relations import same_account

SNOWFLAKE: Final = "snowflake"
HTTPS_PORT: Final = 443
_DOMAIN = ".snowflakecomputing.com"
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*)*")
_HOST = re.compile(r"(?P<host>[A-Za-z0-9.-]{1,255})(:(?P<port>[0-9]{1,5}))?")
_MOST_PORT = 65_535
_OPTIONS = ("warehouse", "role", "host")
_LONGEST = 255
_WRITTEN = "snowflake://USER@ACCOUNT?warehouse=WAREHOUSE&role=ROLE"
KEY_BEGINS: Final = "-----BEGIN "


@dataclass(frozen=True, slots=True)
class SnowflakeConnection:
    """Which account at Snowflake is reached, as whom."""

    account: str
    """As `same_account` compares it."""
    host: str
    port: int
    user: str
    password: str = field(repr=False)
    private_key: str = field(repr=False)
    """Of key-pair authentication, in PEM, PKCS #8; empty where there is a password."""
    warehouse: str = ""
    """What runs the statements; empty for the user's own."""
    role: str = ""

    @property
    def shown(self) -> str:
        """It without its secret, for its owner and the operator."""
        return f"{SNOWFLAKE}://{self.user}@{self.account}"

    @property
    def has_tls(self) -> bool:
        """Whether it is by TLS: everywhere but on this machine."""
        return not is_loopback(self.host)

    @property
    def tls(self) -> str:
        """Likewise, in the words in which it is said of PostgreSQL."""
        return "verify-full" if self.has_tls else "disable"

    @property
    def is_exposed(self) -> bool:
        """Whether somebody on the way could take the place of the database."""
        return False


def parse_snowflake(url: str, secret: str) -> SnowflakeConnection:
    """A connection, as an operator writes it; the secret is a password, or a private key in PEM.

    Raises:
        ValueError: what is written is none, or may not be. The message says why, and holds no secret.
    """
    parts, port = split_url(url, _WRITTEN)
    account = same_account(parts.hostname or "")
    user = unquote(parts.username or "")
    if port is not None or not _ACCOUNT.fullmatch(account) or not user or parts.path.strip("/") or parts.fragment:
        raise ValueError(
            f"The connection is not written as {_WRITTEN}: it has a user and an account identifier. The database is "
            "named by tableReference."
        )
    options = options_in(parts, _OPTIONS)
    for what, text in (("user", user), *options.items()):
        if len(text) > _LONGEST or not text.isprintable():
            raise ValueError(f"The {what} is none that Snowflake can have.")
    host, at = _place(account, options.get("host", ""))
    is_key = secret.startswith(KEY_BEGINS)
    key, password = (_rsa_key(secret), "") if is_key else ("", secret)
    return SnowflakeConnection(
        account, host, at, user, password, key, options.get("warehouse", ""), options.get("role", "")
    )


def _place(account: str, written: str) -> tuple[str, int]:
    """Where the account answers: by its name, or where the operator says, as with a private link."""
    if not written:
        return f"{account}{_DOMAIN}", HTTPS_PORT
    found = _HOST.fullmatch(written)
    port = int((found and found["port"]) or HTTPS_PORT)
    if found is None or not 0 < port <= _MOST_PORT:
        raise ValueError(f"{written!r} is no host: write HOST or HOST:PORT.")
    return found["host"], port


def _rsa_key(pem: str) -> str:
    """A private key as the driver takes it, which fails without a word over any other."""
    try:
        key = load_pem_private_key(pem.encode(), None)
    except TypeError:
        raise ValueError(
            "The private key is encrypted, and is kept sealed here: give it without its passphrase "
            "(`openssl pkcs8 -topk8 -nocrypt`)."
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("The private key cannot be read: Snowflake takes one of RSA, in PEM.") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("The private key is none of RSA, and Snowflake takes no other.")  # noqa: TRY004 -- a value
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
