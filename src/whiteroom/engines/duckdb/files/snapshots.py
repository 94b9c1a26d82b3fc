"""The rows of a state of a table of Iceberg or Delta: of its own files alone, without those that were deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import duckdb

from whiteroom.domain.privacy.column_types import wider
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, PositionDeletes, Snapshot
from whiteroom.engines.duckdb.column_types import from_duckdb, to_duckdb
from whiteroom.engines.duckdb.files.quoting import sql_literal, sql_name
from whiteroom.engines.duckdb.files.row_places import FILE, PLACES, ROW

_DELETES = ("file_path", "pos")
"""Columns of a file of position deletes, as Iceberg has them."""


def rows_of(table: CatalogTable, snapshot: Snapshot) -> str:
    """What comes after FROM: the columns of the table, and FILE and ROW."""
    if not table.files:
        nothing = [f"NULL::{to_duckdb(column.type)} AS {sql_name(column.name)}" for column in table.columns]
        return f"(SELECT {', '.join([*nothing, _PLACES_OF_NONE])} WHERE false)"
    constants = [_constant(column, snapshot) for column in table.columns if column.name in snapshot.constants]
    names = [sql_name(column.name) for column in _held(table, snapshot)]
    kept = _kept(snapshot.deletes) if snapshot.deletes else ""
    listed = ", ".join([*names, *constants, sql_name(FILE), sql_name(ROW)])
    return f"(SELECT {listed} FROM {_source(table, snapshot)} AS held{kept})"  # noqa: S608 -- quoted


_PLACES_OF_NONE = f"NULL::BIGINT AS {sql_name(FILE)}, NULL::BIGINT AS {sql_name(ROW)}"
_NOTHING = "'whiteroom nothing': {name: 'nothing', type: 'BOOLEAN', default_value: NULL}"
"""A column that no file has, of a table that is read for its places alone."""


def _held(table: CatalogTable, snapshot: Snapshot) -> list[Column]:
    return [column for column in table.columns if column.name not in snapshot.constants]


def _source(table: CatalogTable, snapshot: Snapshot) -> str:
    """The columns by their ids, or else by their names whatever their case; one that a file lacks is NULL.

    They are renamed as they are read, since one that is called as DuckDB calls a row's place would hide it.
    """
    columns = _held(table, snapshot)
    keys = [snapshot.field_ids.get(column.name, sql_literal(column.name)) for column in columns]
    fields = [
        f"{key}: {{name: 'held{number}', type: {sql_literal(to_duckdb(column.type))}, default_value: NULL}}"
        for number, (key, column) in enumerate(zip(keys, columns, strict=True))
    ]
    named = [f"held{number} AS {sql_name(column.name)}" for number, column in enumerate(columns)]
    listed = ", ".join([*named, PLACES])
    schema = f"MAP {{{', '.join(fields) or _NOTHING}}}"
    return f"(SELECT {listed} FROM read_parquet({_listed(table.files)}, schema={schema}, hive_partitioning=false))"  # noqa: S608


def _constant(column: Column, snapshot: Snapshot) -> str:
    values = snapshot.constants[column.name]
    listed = ", ".join("NULL" if value is None else sql_literal(value) for value in values)
    value = f"(CAST([{listed}] AS VARCHAR[]))[{sql_name(FILE)} + 1]"
    return f"CAST({value} AS {to_duckdb(column.type)}) AS {sql_name(column.name)}"


def _kept(deletes: Sequence[PositionDeletes]) -> str:
    """The condition that no file of deletes names a row."""
    pairs = ", ".join(
        f"({sql_literal(one.file)}, {sql_literal(named)}, {number})" for one in deletes for named, number in one.rows_of
    )
    files = _listed([one.file for one in deletes])
    deleted = (
        f"SELECT pairs.number AS {sql_name(FILE)}, deletes.pos AS {sql_name(ROW)} "  # noqa: S608 -- quoted
        f"FROM read_parquet({files}, filename='file', union_by_name=true, hive_partitioning=false) AS deletes "
        f"JOIN (VALUES {pairs}) AS pairs(file, named, number) "
        "ON deletes.file = pairs.file AND deletes.file_path = pairs.named"
    )
    same = " AND ".join(f"gone.{sql_name(name)} = held.{sql_name(name)}" for name in (FILE, ROW))
    return f" WHERE NOT EXISTS (SELECT 1 FROM ({deleted}) AS gone WHERE {same})"  # noqa: S608 -- quoted


def _listed(files: Iterable[str]) -> str:
    return "[" + ", ".join(map(sql_literal, files)) + "]"


@dataclass(slots=True)
class _Found:
    """Types of the columns of one file."""

    by_name: dict[str, str] = field(default_factory=dict)
    by_id: dict[int, str] = field(default_factory=dict)


def find_other(
    connection: duckdb.DuckDBPyConnection, table: CatalogTable, snapshot: Snapshot
) -> tuple[str, str] | None:
    """The first file that is not what the table's metadata say, and how, in words; None where all are.

    DuckDB would read a value that has no place in the column's type as another, and a column that it does not find
    as NULL.

    Raises:
        duckdb.Error: a file is broken.
    """
    found = _columns_of(connection, table.files)
    for file in table.files:
        there = found.get(file, _Found())
        if snapshot.field_ids and not there.by_id:
            return file, "its columns have no field ids, as files have that were added to the table from elsewhere"
        for column in table.columns:
            if column.name in snapshot.constants:
                continue
            number = snapshot.field_ids.get(column.name)
            kind = there.by_name.get(column.name.lower()) if number is None else there.by_id.get(number)
            if kind is None and column.name in snapshot.held:
                return file, f"it lacks column '{column.name}', by which the table is partitioned"
            if kind is not None and wider(_spark_type(kind), column.type) != column.type:
                return file, f"column '{column.name}' is {_spark_type(kind)}, and not {column.type}"
    deletes = _columns_of(connection, [one.file for one in snapshot.deletes])
    for file, columns in deletes.items():
        if not all(name in columns.by_name for name in _DELETES):
            return file, "it names no rows that are deleted"
    return None


def _columns_of(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> dict[str, _Found]:
    """The columns of each file, those inside of others left out."""
    if not files:
        return {}
    columns = "file_name, name, field_id, coalesce(num_children, 0), duckdb_type"
    parts = connection.execute(f"SELECT {columns} FROM parquet_schema({_listed(files)})").fetchall()  # noqa: S608
    found: dict[str, _Found] = {}
    inside: dict[str, list[int]] = {}
    for file, name, number, children, kind in parts:
        # The parts of a schema in order, each with its own behind it; the first is the row.
        open_parts = inside.setdefault(file, [])
        depth = len(open_parts)
        if open_parts:
            open_parts[-1] -= 1
        open_parts.append(children)
        while open_parts and not open_parts[-1]:
            open_parts.pop()
        if depth == 1:
            here = found.setdefault(file, _Found())
            here.by_name[name.lower()] = str(kind)
            if number is not None:
                here.by_id[int(number)] = str(kind)
    return found


def _spark_type(kind: str) -> str:
    try:
        return from_duckdb(kind)
    except ValueError:
        return kind.lower()
