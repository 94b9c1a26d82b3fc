"""Connections to members' databases, each sealed as a whole among the server's own secrets."""

from __future__ import annotations

import json

from whiteroom.databases.kinds import AnyConnection, connection_document, connection_in
from whiteroom.store.sqlite import SqliteStore

_BEGINNING = "connection "


class StoreConnections:
    """The connections of all accounts. Safe from any thread, as its store is."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def find(self, account_id: str, name: str) -> AnyConnection | None:
        """The connection of an account that has a name; None where it has none of that name.

        Raises:
            KeyRefused: it cannot be opened.
        """
        kept = self._store.secret(_secret(account_id, name))
        return None if kept is None else connection_in(json.loads(kept))

    def put(self, account_id: str, name: str, connection: AnyConnection) -> None:
        """Keep a connection, in place of one of that name."""
        self._store.put_secret(_secret(account_id, name), json.dumps(connection_document(connection)).encode())

    def remove(self, account_id: str, name: str) -> bool:
        """Forget a connection; whether there was one."""
        return self._store.drop_secret(_secret(account_id, name))

    def names(self, account_id: str | None = None) -> list[tuple[str, str]]:
        """The accounts and names of all connections, or of one account's."""
        found = [name.removeprefix(_BEGINNING).split(" ", 1) for name in self._store.secret_names(_BEGINNING)]
        return [(account, name) for account, name in found if account_id in {None, account}]


def _secret(account_id: str, name: str) -> str:
    return f"{_BEGINNING}{account_id} {name}"
