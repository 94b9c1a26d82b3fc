"""Reads a member's table of PostgreSQL, by ADBC: its columns, and its rows in one state of the whole database."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

from whiteroom.databases.columns import SourceColumn, require_one_each
from whiteroom.databases.connections import Connection
from whiteroom.databases.drivers import cursor_of
from whiteroom.databases.postgresql.errors import is_out_of_memory, of_connecting, of_statement
from whiteroom.databases.postgresql.statements import (
    COLUMNS,
    IS_SAME,
    MAY_WRITE,
    beginning,
    locking,
    selecting,
    touching,
)
from whiteroom.databases.postgresql.types import KnownColumn, source_column
from whiteroom.databases.postgresql.uris import uri
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable, TableMoved
from whiteroom.domain.privacy.relations import Relation

MOST_COLUMNS = 2_000
"""PostgreSQL has up to 1,600."""
_STDERR = 2
_NOT_LOCKED = ("42", "3F")
"""Classes: a right, a kind or a name. Whoever may read some columns alone locks nothing, nor is a materialised view."""


class PostgreSqlTransaction:
    """One state of a database, as it was when it was first read."""

    def __init__(self, handle: Any, driver: ModuleType, shown: str, statement_seconds: int) -> None:
        """Work in a transaction of the handle, each of whose statements has so many seconds; `shown` names it."""
        self._handle = handle
        self._driver = driver
        self._shown = shown
        self._statement_seconds = statement_seconds

    def begin(self) -> None:
        """Begin it.

        Raises:
            DatabaseRefused, DatabaseUnreachable: the database does not.
        """
        with cursor_of(self._handle) as cursor, of_statement(self._driver, self._shown, "the transaction"):
            for statement in beginning(self._statement_seconds):
                cursor.execute(statement)

    def hold(self, relations: Sequence[Relation]) -> None:
        """Have all of these stay the tables that they are until the transaction ends; before anything is read.

        Raises:
            DatabaseRefused, DatabaseUnreachable: somebody holds one for too long, or the database breaks off.
        """
        locked, touched = list(relations), list[Relation]()
        # One that cannot be held is not read either, which says why.
        while (unheld := self._first_unheld(locked, touched)) is not None:
            if unheld in locked:
                locked.remove(unheld)
                touched.append(unheld)
            else:
                touched.remove(unheld)
            self._handle.rollback()
            self.begin()

    def _first_unheld(self, locked: Sequence[Relation], touched: Sequence[Relation]) -> Relation | None:
        # What locks takes no snapshot, and so comes first.
        holding = [(one, locking(one.schema, one.name)) for one in locked]
        holding += [(one, touching(one.schema, one.name)) for one in touched]
        for relation, text in holding:
            with cursor_of(self._handle) as cursor, of_statement(self._driver, self._shown, relation.shown):
                try:
                    cursor.execute(text)
                except self._driver.Error as error:
                    if str(getattr(error, "sqlstate", None) or "").startswith(_NOT_LOCKED):
                        return relation
                    raise
        return None

    def columns(self, relation: Relation) -> list[SourceColumn]:
        """The columns that its user may read, in order.

        Raises:
            DatabaseRefused: there is no such table, or it cannot be read as it is.
            DatabaseUnreachable: that cannot be told now.
        """
        rows = self._asked(COLUMNS, relation)
        if not rows:
            raise DatabaseRefused(
                f"{self._shown} has no table or view {relation.shown}, or its user may read no column of it."
            )
        if len(rows) > MOST_COLUMNS:
            raise DatabaseRefused(f"{relation.shown} has more than {MOST_COLUMNS:,} columns.")
        try:
            known = [KnownColumn(*row) for row in rows]
            found = [source_column(column, relation.types.get(column.name.lower())) for column in known]
        except ValueError as error:
            raise DatabaseRefused(str(error)) from None
        names = [column.name.lower() for column in found]
        require_one_each(relation.shown, names)
        if unknown := sorted(relation.types.keys() - set(names)):
            raise DatabaseRefused(f"{relation.shown} has no column '{unknown[0]}', whose type was chosen.")
        return found

    def may_write(self, relation: Relation) -> bool:
        """Whether the connection's user may do more with the table than read it."""
        return any(may for (may,) in self._asked(MAY_WRITE, relation))

    def rows(self, relation: Relation, columns: Sequence[SourceColumn]) -> Iterator[Any]:
        """Batches of Arrow, with the columns in their order.

        Raises:
            DatabaseRefused, TableMoved, DatabaseUnreachable: they could not be read to their end.
            MemoryError: this process may not have as much as a batch of them takes.
        """
        text = selecting(
            relation.schema, relation.name, [column.expression for column in columns], [c.name for c in columns]
        )
        with cursor_of(self._handle) as cursor:
            with of_statement(self._driver, self._shown, relation.shown):
                cursor.execute(text)
                reader = cursor.fetch_record_batch()
            while True:
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    break
                except Exception as error:  # noqa: BLE001 - the driver raises what it likes, without a code
                    if is_out_of_memory(error):
                        raise MemoryError from None
                    # The driver has no code here, and its words may quote a row.
                    raise DatabaseUnreachable(
                        f"{self._shown} broke off before the last row of {relation.shown}. Its own log says why."
                    ) from None
                yield batch
        self._require_same(relation)

    def _require_same(self, relation: Relation) -> None:
        """Whether what was read is the table of the transaction's own state.

        Raises:
            TableMoved: it was emptied, written anew or exchanged since: its rows may be missing.
        """
        if self._asked(IS_SAME, relation) != [(True,)]:
            raise TableMoved(f"{relation.shown} was emptied, written anew or exchanged while it was read.")

    def _asked(self, text: str, relation: Relation) -> list[tuple[Any, ...]]:
        with cursor_of(self._handle) as cursor, of_statement(self._driver, self._shown, relation.shown):
            cursor.execute(text, (relation.schema, relation.name))
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


@contextmanager
def transaction(connection: Connection, statement_seconds: int) -> Iterator[PostgreSqlTransaction]:
    """A transaction that sees one state of the database and can write nothing; each statement has so many seconds.

    Raises:
        DatabaseRefused: the database lets nobody in as that user, or the driver is not installed.
        DatabaseUnreachable: it does not answer.
    """
    try:
        from adbc_driver_postgresql import dbapi  # noqa: PLC0415 -- an extra
    except ImportError:
        raise DatabaseRefused(
            "Reading it takes Whiteroom's extra 'postgresql', which is not installed on this server."
        ) from None
    with _notices_dropped():
        with of_connecting(dbapi, connection.shown):
            handle = dbapi.connect(uri(connection))
        try:
            begun = PostgreSqlTransaction(handle, dbapi, connection.shown, statement_seconds)
            begun.begin()
            yield begun
        finally:
            with suppress(Exception):
                handle.close()


@contextmanager
def _notices_dropped() -> Iterator[None]:
    """Have standard error lead nowhere.

    libpq writes to it whatever a database calls a notice, which may be rows, and may have no end.
    """
    kept, nowhere = os.dup(_STDERR), os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.dup2(nowhere, _STDERR)
        yield
    finally:
        os.dup2(kept, _STDERR)
        os.close(kept)
        os.close(nowhere)
