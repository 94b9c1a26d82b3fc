"""Whether an account, a user of it or one of its keys may do anything."""

from __future__ import annotations

from datetime import datetime

from whiteroom.administration.sign_ins import note_sign_in
from whiteroom.domain.resources.accounts import AccessKeyStatus, Account, Standing, User
from whiteroom.domain.resources.console_sessions import Outcome, Way, sign_in
from whiteroom.ports.transaction import Transaction

_OUTCOMES = {Standing.ENABLED: Outcome.ENABLED, Standing.DISABLED: Outcome.DISABLED}


def set_account(tx: Transaction, account: Account, standing: Standing, now: datetime) -> Account:
    """Let an account do nothing more, or again. To repeat it changes nothing."""
    if account.standing is standing:
        return account
    note_sign_in(tx, sign_in(account.id, "", Way.OPERATOR, _OUTCOMES[standing], now, "The whole account."))
    return tx.accounts.update(account, standing=standing)


def set_user(tx: Transaction, user: User, standing: Standing, now: datetime) -> User:
    """Let a user do nothing more, or again. To repeat it changes nothing."""
    if user.standing is standing:
        return user
    note_sign_in(tx, sign_in(user.account_id, user.name, Way.OPERATOR, _OUTCOMES[standing], now))
    return tx.users.update(user, standing=standing)


def end_key(tx: Transaction, key_id: str, now: datetime) -> bool:
    """Have an access key sign no more, nor any session that was made with it; False where there is none.

    To repeat it changes nothing.
    """
    key = tx.access_keys.get(key_id)
    if key is None:
        return False
    if key.status is AccessKeyStatus.ACTIVE:
        user = tx.users.get(key.user_id)
        name = "" if user is None else user.name
        note_sign_in(tx, sign_in(key.account_id, name, Way.OPERATOR, Outcome.KEY_ENDED, now, f"Access key {key.id}."))
        tx.access_keys.update(key, status=AccessKeyStatus.INACTIVE)
    return True
