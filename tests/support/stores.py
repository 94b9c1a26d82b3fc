"""Stores in which a second writer comes in between what the first one reads and what it writes.

    with store.between(let_the_other_one_write):
        decide_and_write(store)     # reads; then the other one's turn; then writes

`Interleaved` is the store as it is. `Weak` is what ports.Store forbids: its transactions lock nothing until they write,
so that what was decided from what they read may hold no more. Whatever is right on it is guarded otherwise.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from whiteroom.store.sqlite import SqliteSession, SqliteStore
from whiteroom.store.transaction import StoreTransaction


class Interleaved(SqliteStore):
    """The store, with something done once before the first write of a thread's transaction."""

    def __init__(self, *arguments: Any) -> None:
        self._pending = threading.local()
        super().__init__(*arguments)

    @contextmanager
    def between(self, interlude: Callable[[], None]) -> Iterator[None]:
        """Have it done before the next write of this thread."""
        self._pending.interlude = interlude
        try:
            yield
        finally:
            self._pending.interlude = None

    def about_to_write(self) -> None:
        interlude = getattr(self._pending, "interlude", None)
        self._pending.interlude = None
        if interlude is not None:
            interlude()

    def session(self) -> SqliteSession:
        opened = super().session()
        return _WatchedSession(self, opened)


class Weak(Interleaved):
    """Reads see what is committed at that moment; nothing is locked before the first write."""

    @contextmanager
    def transaction(self) -> Iterator[StoreTransaction]:
        session = self._session("writing")
        try:
            yield StoreTransaction(session)
            if session.connection.in_transaction:
                session.connection.execute("COMMIT")
        except BaseException:
            if session.connection.in_transaction:
                session.connection.execute("ROLLBACK")
            raise
        self.announce(session)

    def about_to_write(self) -> None:
        super().about_to_write()
        connection = self._session("writing").connection
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")


class _WatchedSession(SqliteSession):
    def __init__(self, store: Interleaved, opened: SqliteSession) -> None:
        super().__init__(opened.connection, opened.cache, opened.damage, opened.keys)
        self._store = store

    def run(self, prepared: Any, values: Any) -> tuple[list[tuple[Any, ...]], int]:
        if prepared.writes is not None:
            self._store.about_to_write()
        return super().run(prepared, values)
