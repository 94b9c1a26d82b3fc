"""Access keys and session tokens, as every request needs them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from whiteroom.base.callers import ROOT, Credential, Principal
from whiteroom.domain.resources.accounts import AssumableRole, may_assume
from whiteroom.domain.resources.sessions import Session, secret_of, session_in
from whiteroom.reads.users import user_of_key
from whiteroom.store.sqlite import SqliteSession
from whiteroom.store.transaction import StoreTransaction

MAX_KNOWN = 10_000


class Credentials:
    """Answers who holds an access key, or temporary credentials.

    Args:
        view: A session whose transaction for reading is open (GroupCommit.view). Always one of the same connection.
        secret: What session tokens are sealed with.
        dev: Sessions of accounts' roots are good: in development mode they ask with their twelve digits.

    What was read is kept only while the database is as it was: SQLite counts the commits of all
    other connections, so a key that was rotated, by another process too, stops at once.
    """

    def __init__(self, view: Callable[[], SqliteSession], secret: bytes, *, dev: bool = False) -> None:
        self._view = view
        self._secret = secret
        self._dev = dev
        self._known: dict[str, Credential | None] = {}
        self._version = -1

    def key(self, access_key_id: str) -> Credential | None:
        """A key's credential; None for a key that is unknown or no longer signs."""
        return self._found(access_key_id, self._key)

    def session(self, token: str) -> Credential | None:
        """The credential of a session token, its time not looked at; None for one that is not ours, or has ended."""
        return self._found(token, self._session)

    def _found(self, name: str, read: Callable[[StoreTransaction, str], Credential | None]) -> Credential | None:
        session = self._view()
        version = session.connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self._known.clear()
            self._version = version
        if name not in self._known:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[name] = read(StoreTransaction(session), name)
        return self._known[name]

    @staticmethod
    def _key(tx: StoreTransaction, access_key_id: str) -> Credential | None:
        key = tx.access_keys.get(access_key_id)
        if key is None:
            return None
        user = user_of_key(tx, key.account_id, key.id)
        return None if user is None else Credential(key.id, key.secret_access_key, key.account_id, user.principal)

    def _session(self, tx: StoreTransaction, token: str) -> Credential | None:
        session = session_in(token, self._secret)
        principal = None if session is None else self._principal(tx, session)
        if session is None or principal is None:
            return None
        return Credential(
            session.access_key_id,
            secret_of(token, self._secret),
            session.account_id,
            principal,
            session.made_with,
            datetime.fromtimestamp(session.expires_at, UTC),
        )

    def _principal(self, tx: StoreTransaction, session: Session) -> Principal | None:
        """Who a session is now; None where something that it is on is gone."""
        role = tx.roles.get(session.role_id) if session.role_id else None
        if session.role_id and (role is None or role.account_id != session.account_id):
            return None
        if not session.user_id:
            return _as(role, session, ROOT) if self._dev else None
        user = user_of_key(tx, session.account_id, session.made_with)
        if user is None or user.id != session.user_id or (role is not None and not may_assume(role, user.name)):
            return None
        return _as(role, session, user.principal)


def _as(role: AssumableRole | None, session: Session, principal: Principal) -> Principal:
    return principal if role is None else role.principal(principal.user, session.name)
