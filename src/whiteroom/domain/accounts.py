"""Accounts: the organisations that sign requests (design: Identity)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Account:
    """One organisation. `id` is its twelve digits."""

    id: str
    name: str
    created_at: datetime


class AccessKeyStatus(StrEnum):
    """Whether a key still signs."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair of an account. `id` is the access key id that requests carry."""

    id: str
    account_id: str
    secret_access_key: str
    status: AccessKeyStatus
    created_at: datetime
