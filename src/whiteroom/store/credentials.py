"""Access keys, as every request needs them."""

from __future__ import annotations

from collections.abc import Callable

from whiteroom.base.callers import Credential
from whiteroom.domain.accounts import AccessKeyStatus, Standing
from whiteroom.store.sqlite import SqliteSession
from whiteroom.store.transaction import StoreTransaction

MAX_KNOWN = 10_000


class Credentials:
    """Answers who holds an access key.

    Args:
        view: A session whose transaction for reading is open (Turns.view). Always one of the same connection.

    What was read is kept only while the database is as it was: SQLite counts the commits of all
    other connections, so a key that was rotated, by another process too, stops at once.
    """

    def __init__(self, view: Callable[[], SqliteSession]) -> None:
        self._view = view
        self._known: dict[str, Credential | None] = {}
        self._version = -1

    def __call__(self, access_key_id: str) -> Credential | None:
        """The key's credential; None for a key that is unknown or no longer signs."""
        session = self._view()
        version = session.connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._known.clear()
            self._version = version
        if access_key_id not in self._known:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[access_key_id] = _read(StoreTransaction(session), access_key_id)
        return self._known[access_key_id]


def _read(tx: StoreTransaction, access_key_id: str) -> Credential | None:
    """What stands behind a key: it, its user and its account must all be good."""
    key = tx.access_keys.get(access_key_id)
    if key is None or key.status is not AccessKeyStatus.ACTIVE:
        return None
    user, account = tx.users.get(key.user_id), tx.accounts.get(key.account_id)
    if user is None or user.standing is not Standing.ENABLED:
        return None
    if account is None or account.standing is not Standing.ENABLED:
        return None
    return Credential(key.id, key.secret_access_key, key.account_id, user.principal)
