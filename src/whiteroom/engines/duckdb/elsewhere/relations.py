"""Tables of databases: the columns that a query reads, as a file of Parquet in its own folder.

All tables of one connection are read together: of PostgreSQL in one transaction, which sees one state of it. No
condition of a query goes to a database: it is told which columns are read, and nothing of what is looked for.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from whiteroom.databases.columns import SourceColumn
from whiteroom.databases.files import Misfit, TooManyBytes, write_rows
from whiteroom.databases.kinds import AnyConnection, connection_in
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable, TableMoved
from whiteroom.databases.sources import Source, opened
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, QueryTable
from whiteroom.domain.privacy.relations import Relation
from whiteroom.engines.duckdb.elsewhere.handing import CONNECTION, REFUSED, Staging, TooMuch, interrupted, refused
from whiteroom.engines.duckdb.files.checking import mark_of
from whiteroom.engines.duckdb.tables import BrokenData

_FILE = "rows.parquet"


def with_rows(
    tables: Mapping[str, QueryTable], wanted: Mapping[str, Collection[str]], staging: Staging, most_bytes: int
) -> dict[str, QueryTable]:
    """The tables over files of this machine.

    Args:
        tables: of databases, by the names of their views.
        wanted: which columns the query reads of each, in lower case.
        staging: where they come to be, and with what they are read.
        most_bytes: how many they may take together.

    Raises:
        NotBrought: one cannot be had.
        TooMuch: there is more of them than is allowed.
        BrokenData: a value is none of its column's type.
        OSError: the disk is full.
    """
    try:
        return _with_rows(tables, wanted, staging, most_bytes)
    except TooManyBytes:
        raise TooMuch(
            f"The tables of the query have more than {staging.most_bytes:,} bytes outside of this machine"
        ) from None


def _with_rows(
    tables: Mapping[str, QueryTable], wanted: Mapping[str, Collection[str]], staging: Staging, left_bytes: int
) -> dict[str, QueryTable]:
    by_connection: dict[tuple[str, str], dict[str, QueryTable]] = {}
    for view, table in tables.items():
        by_connection.setdefault((table.owner_account_id, _relation(table).connection), {})[view] = table
    brought: dict[str, QueryTable] = {}
    for of_one in by_connection.values():
        first = next(iter(of_one.values()))
        connection = _connection(first, staging)
        with _reported(first), opened(connection, staging.seconds) as begun:
            begun.hold([_relation(table) for table in of_one.values()])
            for view, table in of_one.items():
                folder = staging.folder / f"relation-{len(brought)}"
                with _reported(table):
                    source, taken = _written(begun, table, wanted[view], folder, left_bytes)
                left_bytes -= taken
                brought[view] = replace(table, source=source)
    return brought


def _written(
    begun: Source, table: QueryTable, wanted: Collection[str], folder: Path, most_bytes: int
) -> tuple[CatalogTable, int]:
    relation = _relation(table)
    columns = _read(table, wanted, begun.columns(relation))
    kept = tuple(Column(column.name, column.type) for column in columns)
    folder.mkdir(mode=0o700, parents=True)
    file = folder / _FILE
    try:
        taken = write_rows(begun.rows(relation, columns), kept, file, most_bytes)
    except Misfit as error:
        raise BrokenData(f"Table '{table.name}': {error}. Its owner must look at it.") from None
    source = replace(table.source, columns=kept, files=(str(file),), marks=(mark_of(str(file)),), elsewhere=False)
    return source, taken


def _read(table: QueryTable, wanted: Collection[str], now: list[SourceColumn]) -> list[SourceColumn]:
    """The columns that the query reads, which are what they were when the table was looked up.

    Raises:
        TableMoved: they are not.
    """
    there = {column.name.lower(): column for column in now}
    known = {column.name.lower(): column.type for column in table.source.columns}
    # Where its rows are only counted, by a column that a query may see.
    names = list(wanted) or sorted(table.readable_columns)[:1]
    columns = [there[name] for name in sorted(names) if name in there and name in known]
    moved = [name for name in names if name not in there or there[name].type != known.get(name)]
    if moved or not all(column.expression for column in columns):
        raise TableMoved(f"{_relation(table).shown} was changed since it was looked up.")
    return columns


@contextmanager
def _reported(table: QueryTable) -> Iterator[None]:
    """Say to whoever asked that a table cannot be had, and why to its owner alone."""
    try:
        yield
    except DatabaseRefused as error:
        raise refused(table, "database", error) from None
    except (DatabaseUnreachable, TableMoved) as error:
        raise interrupted(table, error, moved=isinstance(error, TableMoved)) from None


def _connection(table: QueryTable, staging: Staging) -> AnyConnection:
    handed = staging.handed.get(table.association_id, {})
    if CONNECTION not in handed:
        with _reported(table):
            raise DatabaseRefused(handed.get(REFUSED, "There is no connection to its database."))
    return connection_in(json.loads(handed[CONNECTION]))


def _relation(table: QueryTable) -> Relation:
    if table.source.relation is None:
        raise RuntimeError(f"the table {table.name} is of no database")
    return table.source.relation
