"""Who asks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """The account that signed a request, and the region its signature names."""

    account_id: str
    """Twelve digits."""
    region: str


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key with which an account signs (design: Identity)."""

    access_key_id: str
    secret_access_key: str
    account_id: str
