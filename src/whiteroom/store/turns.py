"""What operations do in one turn of the event loop shares two transactions: one for writing, one for reading.

A durable commit costs the same for one operation as for fifty. Each operation
that writes runs behind a savepoint, so that one that fails takes nothing of the others with it,
and none is answered before the commit that holds it.

A view for reading is opened when a turn first needs one, and its end is queued at once: before
whatever comes in later. So all who read it had asked before it was opened, and see everything
that had been answered by then.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any, TypeVar

from whiteroom.store.sqlite import SqliteSession, SqliteStore
from whiteroom.store.transaction import StoreTransaction

T = TypeVar("T")


class Turns:
    """Runs operations on the event loop's thread. One per store and loop."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._reading: SqliteSession | None = None
        self._writing: SqliteSession | None = None
        self._waiting: list[tuple[asyncio.Future[Any], Any]] = []
        self._open = False

    async def read(self, work: Callable[[StoreTransaction], T]) -> T:
        """Run `work` over a consistent view; it sees what was committed, not what this turn still holds."""
        return work(StoreTransaction(self.view()))

    def view(self) -> SqliteSession:
        """This turn's session for reading, with its transaction open. Not for use after the turn."""
        session = self._reading = self._reading or self._store.session()
        if not session.connection.in_transaction:
            session.connection.execute("BEGIN")
            asyncio.get_running_loop().call_soon(self._end_view, session.connection)
        return session

    @staticmethod
    def _end_view(connection: sqlite3.Connection) -> None:
        if connection.in_transaction:  # an error of the disk may have ended it
            connection.execute("COMMIT")

    async def write(self, work: Callable[[StoreTransaction], T]) -> T:
        """Run `work` now; its result is answered once it is durable. What it raises undoes it alone."""
        session = self._writing = self._writing or self._store.session()
        connection = session.connection
        loop = asyncio.get_running_loop()
        if not self._open:
            connection.execute("BEGIN IMMEDIATE")
            self._open = True
            loop.call_soon(self._commit)
        # What was done before in this turn may be undone; then a savepoint would be a commit of its own.
        session.require_transaction()
        connection.execute("SAVEPOINT operation")
        try:
            result = work(StoreTransaction(session))
            session.require_transaction()
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK TO operation")
                connection.execute("RELEASE operation")
            raise
        connection.execute("RELEASE operation")
        durable: asyncio.Future[T] = loop.create_future()
        self._waiting.append((durable, result))
        return await durable

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._open = False
        session = self._writing
        assert session is not None  # noqa: S101 - _commit is scheduled by the write that made it
        try:
            session.require_transaction()
            session.connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - whatever it was, every operation of the turn must hear of it
            if session.connection.in_transaction:
                session.connection.execute("ROLLBACK")
            session.work_changed = False
            for durable, _ in waiting:
                if not durable.done():
                    durable.set_exception(error)
            return
        for durable, result in waiting:
            if not durable.done():
                durable.set_result(result)
        self._store.announce(session)
