"""Reads tables of Snowflake by ADBC: their columns, and their rows in Arrow's batches.

There is no transaction that could see one state of several tables: each is read by one statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

from whiteroom.databases.columns import SourceColumn, require_one_each
from whiteroom.databases.drivers import cursor_of
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable, TableMoved
from whiteroom.databases.snowflake.connections import SnowflakeConnection
from whiteroom.databases.snowflake.errors import of_connecting, of_statement
from whiteroom.databases.snowflake.options import options
from whiteroom.databases.snowflake.statements import describing, selecting, using
from whiteroom.databases.snowflake.types import KnownColumn, source_column
from whiteroom.domain.privacy.relations import Relation

_COLUMN = "COLUMN"
_DESCRIBED = 3
"""Columns of DESCRIBE TABLE at least: name, type, kind."""
_OVERFLOW = "overflow"
"""In what the driver says of a time that it cannot hold."""
_TIME = "timestamp"


class SnowflakeSession:
    """A session of Snowflake, which is told nothing but USE, DESCRIBE and SELECT."""

    def __init__(self, handle: Any, driver: ModuleType, shown: str) -> None:
        """Work in the handle's session; `shown` names the connection."""
        self._handle = handle
        self._driver = driver
        self._shown = shown

    def hold(self, relations: Sequence[Relation]) -> None:
        """Nothing: Snowflake locks no table against its change, and a statement sees one state of what it reads."""

    def columns(self, relation: Relation) -> list[SourceColumn]:
        """The columns that the relation declares, in the table's order.

        Raises:
            DatabaseRefused: there is no such table, or it is not as it is declared.
            DatabaseUnreachable: that cannot be told now.
        """
        known = self._known(relation)
        declared = [column for column in known if column.name.lower() in relation.types]
        names = [column.name.lower() for column in declared]
        require_one_each(relation.shown, names)
        if unknown := sorted(relation.types.keys() - set(names)):
            raise DatabaseRefused(f"{relation.shown} has no column '{unknown[0]}', which tableSchema declares.")
        try:
            return [source_column(column, relation.types[column.name.lower()]) for column in declared]
        except ValueError as error:
            raise DatabaseRefused(f"{relation.shown}: {error}") from None

    def _known(self, relation: Relation) -> list[KnownColumn]:
        with cursor_of(self._handle) as cursor:
            try:
                with of_statement(self._driver, self._shown, relation.shown):
                    cursor.execute(using(relation))
                    cursor.execute(describing(relation))
                    rows: list[tuple[Any, ...]] = cursor.fetchall()
            except TableMoved:
                raise DatabaseRefused(
                    f"{self._shown} has no table or view {relation.shown}, or its role may not see it. Names count "
                    "exactly: what was made without quotes is in upper case."
                ) from None
        if any(len(row) < _DESCRIBED for row in rows):
            raise DatabaseUnreachable(f"{self._shown} does not describe {relation.shown} as Snowflake does.")
        return [KnownColumn(str(name), str(kind)) for name, kind, what, *_ in rows if what == _COLUMN]

    def may_write(self, relation: Relation) -> bool:  # noqa: ARG002 -- as of every database
        """Not known: Snowflake says of no table what a role may do with it."""
        return False

    def rows(self, relation: Relation, columns: Sequence[SourceColumn]) -> Iterator[Any]:
        """Batches of Arrow, with the columns in their order.

        Raises:
            DatabaseRefused, TableMoved, DatabaseUnreachable: they could not be read to their end.
        """
        expressions = [column.expression for column in columns]
        names = [column.name for column in columns]
        times = [number for number, column in enumerate(columns) if column.type == _TIME]
        # The driver has a NULL for 1970 where a server marks it at another place than where it looks.
        expressions += [f"{expressions[number]} IS NULL" for number in times]
        names += [f"?{number}" for number in times]
        text = selecting(relation, expressions, names)
        with cursor_of(self._handle) as cursor:
            with of_statement(self._driver, self._shown, relation.shown):
                cursor.execute(text)
                promised, reader = cursor.rowcount, cursor.fetch_record_batch()
            came = 0
            while (batch := self._next(reader, relation)) is not None:
                if columns and batch.schema.names != names:
                    raise self._broken(relation)
                came += batch.num_rows
                yield _with_nulls(batch, times) if times else batch
            # The driver takes an answer that ends early for its end.
            if came != promised:
                raise self._broken(relation)

    def _next(self, reader: Any, relation: Relation) -> Any:
        """The next batch; None at the end."""
        try:
            return reader.read_next_batch()
        except StopIteration:
            return None
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - the driver raises what it likes, without a code
            # Its words may quote a row: they are read, and not told.
            if _OVERFLOW in str(error).lower():
                raise DatabaseRefused(
                    f"{relation.shown} has a time of no year from 1677 to 2262, which cannot be read: leave the column "
                    "out of tableSchema, or have a view cast it."
                ) from None
            raise self._broken(relation) from None

    def _broken(self, relation: Relation) -> DatabaseUnreachable:
        return DatabaseUnreachable(
            f"{self._shown} broke off before the last row of {relation.shown}. Its query history says why."
        )


def _with_nulls(batch: Any, times: Sequence[int]) -> Any:
    """A batch whose last columns say which of these columns' values are NULL, without them."""
    import pyarrow as pa  # noqa: PLC0415 -- of the same extra, and slow
    import pyarrow.compute as pc  # noqa: PLC0415

    arrays = list(batch.columns[: -len(times)])
    for number, is_null in zip(times, batch.columns[-len(times) :], strict=True):
        arrays[number] = pc.if_else(is_null, pa.scalar(None, arrays[number].type), arrays[number])
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names[: -len(times)])


@contextmanager
def session(connection: SnowflakeConnection, statement_seconds: int) -> Iterator[SnowflakeSession]:
    """A session whose statements have so many seconds each.

    Raises:
        DatabaseRefused: Snowflake lets nobody in as that user, or the driver is not installed.
        DatabaseUnreachable: it does not answer.
    """
    try:
        from adbc_driver_snowflake import dbapi  # noqa: PLC0415 -- an extra
    except ImportError:
        raise DatabaseRefused(
            "Reading it takes Whiteroom's extra 'snowflake', which is not installed on this server."
        ) from None
    with of_connecting(dbapi, connection.shown):
        handle = dbapi.connect(db_kwargs=options(connection, statement_seconds), autocommit=True)
    try:
        yield SnowflakeSession(handle, dbapi, connection.shown)
    finally:
        with suppress(Exception):
            handle.close()
