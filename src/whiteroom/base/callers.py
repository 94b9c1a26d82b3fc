"""The caller of an operation: an account, and which of its users, in which role."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

ROOT_USER = "root"
"""What AWS calls the account itself, where no user of it is meant."""


class Role(StrEnum):
    """What a user of an account is there for. What each may do is a table (domain/resources/permissions.py)."""

    ADMINISTRATOR = "administrator"
    """Everything that the account may do."""
    ANALYST = "analyst"
    """Reads, and starts work under rules that others set."""
    PRIVACY_OFFICER = "privacy-officer"
    """Reads, approves and revokes; starts nothing."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Which user of an account; with the role that it has assumed, where it has."""

    user: str
    """The user's name."""
    role: Role
    """What it may do: the user's own role, or the one that the assumed role stands for."""
    session: str = ""
    """Of an assumed role: its name, a slash, and the name that the user gave the session. Empty otherwise."""
    unique_id: str = ""
    """AWS's id of the user, or of the assumed role; empty for the account itself."""


ROOT = Principal(ROOT_USER, Role.ADMINISTRATOR)
"""The account itself."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who signed a request, and the region that its signature names."""

    account_id: str
    """Twelve digits."""
    region: str
    principal: Principal = ROOT
    access_key_id: str = field(default="", compare=False)
    """The user's own key that it was signed with, or that the temporary credentials were made with."""
    temporary: bool = field(default=False, compare=False)
    """Signed with temporary credentials."""

    @property
    def user(self) -> str:
        """The user's name, also where it has assumed a role."""
        return self.principal.user

    @property
    def role(self) -> Role:
        """What the caller may do."""
        return self.principal.role

    @property
    def arn(self) -> str:
        """As AWS names it: of the account's root, of a user, or of a role's session."""
        if self.principal.session:
            return f"arn:aws:sts::{self.account_id}:assumed-role/{self.principal.session}"
        if self.principal.user == ROOT_USER:
            return f"arn:aws:iam::{self.account_id}:root"
        return f"arn:aws:iam::{self.account_id}:user/{self.principal.user}"

    @property
    def user_id(self) -> str:
        """AWS's unique id, as GetCallerIdentity answers it."""
        if self.principal.session:
            return f"{self.principal.unique_id}:{self.principal.session.partition('/')[2]}"
        return self.principal.unique_id or self.account_id


@dataclass(frozen=True, slots=True)
class Credential:
    """An access key with which a user of an account signs."""

    access_key_id: str
    secret_access_key: str
    account_id: str
    principal: Principal = ROOT
    made_with: str = ""
    """Of a temporary one: the user's own key that it was made with."""
    expires_at: datetime | None = None
    """Of a temporary one."""

    def caller(self, region: str) -> Caller:
        """Who signs with it."""
        key = self.made_with or self.access_key_id
        return Caller(self.account_id, region, self.principal, key, temporary=bool(self.made_with))
