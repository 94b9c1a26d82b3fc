"""Which user of an account somebody is, as long as all that this rests on is good."""

from __future__ import annotations

from whiteroom.domain.resources.accounts import AccessKeyStatus, Standing, User
from whiteroom.ports.transaction import Transaction


def user_of_key(tx: Transaction, account_id: str, access_key_id: str) -> User | None:
    """Whose a key is: it, its user and its account must all be good."""
    key = tx.access_keys.get(access_key_id)
    if key is None or key.account_id != account_id or key.status is not AccessKeyStatus.ACTIVE:
        return None
    return enabled_user(tx, account_id, key.user_id)


def enabled_user(tx: Transaction, account_id: str, user_id: str) -> User | None:
    """The user, where it and its account may do anything."""
    account, user = tx.accounts.get(account_id), tx.users.get(user_id)
    if account is None or account.standing is not Standing.ENABLED:
        return None
    if user is None or user.account_id != account_id or user.standing is not Standing.ENABLED:
        return None
    return user
