"""Accounts: the organisations that sign requests, their users, keys and roles (decision 0024)."""

from __future__ import annotations

import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from whiteroom.base.callers import Principal, Role
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict

FIRST_USER = "admin"
"""The user that an account has from its beginning: an administrator."""

EVERY_USER = "*"
"""In the list of who may assume a role: every user of its account."""

DEFAULT_SESSION_SECONDS = 3600
"""How long the session of a role lasts at most, where its maker says nothing: as AWS has it."""
SESSION_SECONDS_RANGE = (3600, 43_200)
"""What AWS takes for that (CreateRole, MaxSessionDuration)."""

_LETTERS = string.ascii_uppercase + "234567"


class Standing(StrEnum):
    """Whether an account, or a user of it, may do anything at all."""

    ENABLED = "ENABLED"
    """Its requests are answered."""
    DISABLED = "DISABLED"
    """Its requests are refused, whatever they ask for."""


@dataclass(frozen=True, slots=True)
class Account:
    """One organisation. `id` is its twelve digits."""

    id: str
    name: str
    created_at: datetime
    standing: Standing = Standing.ENABLED


@dataclass(frozen=True, slots=True)
class User:
    """Somebody of an account, or something that works for it. `id` is AWS's unique id, never given twice."""

    id: str
    account_id: str
    name: str
    role: Role
    created_at: datetime
    standing: Standing = Standing.ENABLED

    @property
    def principal(self) -> Principal:
        """As a caller."""
        return Principal(self.name, self.role, unique_id=self.id)


class AccessKeyStatus(StrEnum):
    """Whether a key still signs."""

    ACTIVE = "ACTIVE"
    """What it signs is answered."""
    INACTIVE = "INACTIVE"
    """What it signs is refused."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair of a user. `id` is the access key id that requests carry."""

    id: str
    account_id: str
    secret_access_key: str
    status: AccessKeyStatus
    created_at: datetime
    user_id: str


@dataclass(frozen=True, slots=True)
class AssumableRole:
    """A role that users of the account assume for a time (`sts:AssumeRole`). `id` is AWS's unique id."""

    id: str
    account_id: str
    name: str
    role: Role
    """What its sessions may do."""
    assumed_by: tuple[str, ...]
    """Names of users, or EVERY_USER."""
    max_session_seconds: int
    created_at: datetime

    @property
    def arn(self) -> str:
        """As profiles name it (`role_arn`)."""
        return role_arn(self.account_id, self.name)

    def principal(self, user: str, session_name: str) -> Principal:
        """A user that has assumed it."""
        return Principal(user, self.role, f"{self.name}/{session_name}", self.id)


def role_arn(account_id: str, name: str) -> str:
    """The ARN of a role."""
    return f"arn:aws:iam::{account_id}:role/{name}"


def may_assume(role: AssumableRole, user: str) -> Verdict:
    """Whether a user of the role's account may assume it."""
    if EVERY_USER in role.assumed_by or user in role.assumed_by:
        return ALLOWED
    return Denied(f"the role is for {_listed(role.assumed_by)}, and not for {user}")


def _listed(names: Sequence[str]) -> str:
    *others, last = names or ("nobody",)
    return f"{', '.join(others)} and {last}" if others else last


def new_user_id() -> str:
    """A fresh unique id of a user, as AWS's are."""
    return _made_up("AIDA")


def new_role_id() -> str:
    """A fresh unique id of a role."""
    return _made_up("AROA")


def new_access_key_id() -> str:
    """A fresh access key id: twenty letters and digits, as AWS's are."""
    return _made_up("WRKA")


def new_temporary_key_id() -> str:
    """A fresh access key id of temporary credentials."""
    return _made_up("ASIA")


def new_secret() -> str:
    """A fresh secret access key of forty characters."""
    return secrets.token_urlsafe(30)


def _made_up(prefix: str) -> str:
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(16))
