"""Accounts, their users and keys, as the operator leafs through them. No secret is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from whiteroom.domain.resources.accounts import AccessKeyStatus, Account, User
from whiteroom.ports.repositories import Page, PageKey
from whiteroom.ports.transaction import Transaction

MOST_KEYS = 100
"""Of a user, the newest."""


@dataclass(frozen=True, slots=True)
class KeySummary:
    """What there is to know of an access key, but for its secret."""

    id: str
    account_id: str
    user_id: str
    status: AccessKeyStatus
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UserSummary:
    """A user, and the keys that sign for it."""

    user: User
    keys: tuple[KeySummary, ...]


def users(tx: Transaction, account: Account, limit: int, after: PageKey | None) -> Page[UserSummary]:
    """Users of an account, the newest first, paged by key."""
    found = tx.users.page(limit, after, account_id=account.id)
    items = tuple(
        UserSummary(user, tx.access_keys.page_as(KeySummary, MOST_KEYS, None, user_id=user.id).items)
        for user in found.items
    )
    return Page(items, found.next)
