"""Group commit: operations in one iteration of the event loop share one transaction for writing, one for reading.

A durable commit costs the same for one operation as for fifty. Each operation that writes
runs behind a savepoint, so that one that fails undoes nothing of the others, and none is
answered before the commit that holds it.

The transaction for reading is opened when an iteration first needs one, and its end is queued
at once, before any later request. So everyone who reads it had asked before it was opened, and
sees everything that had been answered by then.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from whiteroom.store.sqlite import SqliteSession, SqliteStore
from whiteroom.store.transaction import StoreTransaction

T = TypeVar("T")
OnError = Callable[[StoreTransaction, Exception], None]
"""Writes down that an operation has failed, in the transaction in which nothing else of it stays."""

logger = logging.getLogger(__name__)


class GroupCommit:
    """Runs operations on the event loop's thread. One per store and loop."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self._reading: SqliteSession | None = None
        self._writing: SqliteSession | None = None
        self._waiting: list[tuple[asyncio.Future[Any], Any]] = []
        self._open = False

    async def read(self, work: Callable[[StoreTransaction], T]) -> T:
        """Run `work` over a consistent view; it sees what was committed, and nothing newer."""
        return work(StoreTransaction(self.view()))

    def view(self) -> SqliteSession:
        """The session for reading of this iteration, with its transaction open. Not for use after it."""
        session = self._reading = self._reading or self._store.session()
        if not session.connection.in_transaction:
            session.connection.execute("BEGIN")
            asyncio.get_running_loop().call_soon(self._end_view, session.connection)
        return session

    @staticmethod
    def _end_view(connection: sqlite3.Connection) -> None:
        if connection.in_transaction:  # an error of the disk may have ended it
            connection.execute("COMMIT")

    async def write(self, work: Callable[[StoreTransaction], T], on_error: OnError | None = None) -> T:
        """Run `work` now; its result is answered once it is durable. What it raises undoes it alone.

        With `on_error`, what that writes of the error is durable before the error is raised; where it cannot be
        written, the error is raised all the same.
        """
        session = self._begun()
        try:
            with _savepoint(session):
                result = work(StoreTransaction(session))
        except Exception as error:
            if on_error is not None and session.connection.in_transaction:
                await self._written(session, on_error, error)
            raise
        return await self._durable(result)

    def _begun(self) -> SqliteSession:
        """The session for writing of this iteration, with its transaction open."""
        session = self._writing = self._writing or self._store.session()
        if not self._open:
            session.connection.execute("BEGIN IMMEDIATE")
            self._open = True
            asyncio.get_running_loop().call_soon(self._commit)
        # What was done before in this iteration may be undone; then a savepoint would be a commit of its own.
        session.require_transaction()
        return session

    async def _written(self, session: SqliteSession, on_error: OnError, error: Exception) -> None:
        try:
            with _savepoint(session):
                on_error(StoreTransaction(session), error)
            await self._durable(None)
        except Exception:
            logger.exception("what was refused could not be written down")

    async def _durable(self, result: T) -> T:
        """The result, once this iteration is committed."""
        durable: asyncio.Future[T] = asyncio.get_running_loop().create_future()
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
        except Exception as error:  # noqa: BLE001 - whatever it was, every operation of the iteration must get it
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


@contextmanager
def _savepoint(session: SqliteSession) -> Iterator[None]:
    """What is done inside is undone where it raises, and nothing else of the transaction is."""
    connection = session.connection
    connection.execute("SAVEPOINT operation")
    try:
        yield
        session.require_transaction()
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK TO operation")
            connection.execute("RELEASE operation")
        raise
    connection.execute("RELEASE operation")
