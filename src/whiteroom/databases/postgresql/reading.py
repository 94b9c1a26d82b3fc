"""Reads a member's table of PostgreSQL, by ADBC: its columns, and its rows in one state of the whole database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

from whiteroom.databases.connections import Connection
from whiteroom.databases.postgresql.errors import of_connecting, of_statement
from whiteroom.databases.postgresql.statements import COLUMNS, MAY_WRITE, beginning, selecting
from whiteroom.databases.postgresql.types import KnownColumn, SourceColumn, source_column
from whiteroom.databases.postgresql.uris import uri
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable
from whiteroom.domain.privacy.relations import Relation

MOST_COLUMNS = 2_000
"""PostgreSQL has up to 1,600."""


class PostgreSqlTransaction:
    """One state of a database, as it was when it was first read."""

    def __init__(self, handle: Any, driver: ModuleType, shown: str) -> None:
        """Work in a transaction of the handle; `shown` names the connection."""
        self._handle = handle
        self._driver = driver
        self._shown = shown

    def begin(self, statement_seconds: int) -> None:
        """Begin it; each of its statements has so many seconds.

        Raises:
            DatabaseRefused, DatabaseUnreachable: the database does not.
        """
        with self._cursor() as cursor, of_statement(self._driver, self._shown, "the transaction"):
            for statement in beginning(statement_seconds):
                cursor.execute(statement)

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
        lower = Counter(column.name.lower() for column in found)
        if repeated := next((name for name, count in lower.items() if count > 1), None):
            raise DatabaseRefused(
                f"{relation.shown} has two columns named '{repeated}' (case does not count). Make a view that has not."
            )
        if unknown := sorted(relation.types.keys() - lower.keys()):
            raise DatabaseRefused(f"{relation.shown} has no column '{unknown[0]}', whose type was chosen.")
        return found

    def may_write(self, relation: Relation) -> bool:
        """Whether the connection's user may do more with the table than read it."""
        return any(may for (may,) in self._asked(MAY_WRITE, relation))

    def rows(self, relation: Relation, columns: Sequence[SourceColumn]) -> Iterator[Any]:
        """Batches of Arrow, with the columns in their order.

        Raises:
            DatabaseRefused, TableMoved, DatabaseUnreachable: they could not be read to their end.
        """
        text = selecting(
            relation.schema, relation.name, [column.expression for column in columns], [c.name for c in columns]
        )
        with self._cursor() as cursor:
            with of_statement(self._driver, self._shown, relation.shown):
                cursor.execute(text)
                reader = cursor.fetch_record_batch()
            while True:
                try:
                    batch = reader.read_next_batch()
                except StopIteration:
                    return
                except Exception as error:
                    # The driver has no code here, and its words may quote a row.
                    raise DatabaseUnreachable(
                        f"{self._shown} broke off before the last row of {relation.shown}. Its own log says why."
                    ) from error
                yield batch

    def _asked(self, text: str, relation: Relation) -> list[tuple[Any, ...]]:
        with self._cursor() as cursor, of_statement(self._driver, self._shown, relation.shown):
            cursor.execute(text, (relation.schema, relation.name))
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows

    @contextmanager
    def _cursor(self) -> Iterator[Any]:
        cursor = self._handle.cursor()
        try:
            yield cursor
        finally:
            with suppress(Exception):
                cursor.close()


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
    with of_connecting(dbapi, connection.shown):
        handle = dbapi.connect(uri(connection))
    try:
        begun = PostgreSqlTransaction(handle, dbapi, connection.shown)
        begun.begin(statement_seconds)
        yield begun
    finally:
        with suppress(Exception):
            handle.close()
