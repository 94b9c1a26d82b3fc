"""Members' files as DuckDB reads them, and what is said when they are broken."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from whiteroom.base.csv_headers import read_csv_header
from whiteroom.domain.privacy.query_tables import FileFormat, QueryTable
from whiteroom.engines.duckdb.column_types import to_duckdb
from whiteroom.engines.duckdb.files.quoting import sql_literal, sql_name
from whiteroom.engines.duckdb.files.reading import CSV_DIALECT, find_broken_file, find_broken_row
from whiteroom.engines.duckdb.noise.one_form import one_form
from whiteroom.engines.duckdb.ordering import ROW_KEY
from whiteroom.sql.reserved import RESERVED
from whiteroom.sql.resolving import visible_columns

_ROWS_PER_FILE_BITS = 40
_NO_COLUMN = f"NULL AS {sql_name(RESERVED + 'nothing')}"
"""Of a table whose rows are only counted."""


class BrokenData(Exception):
    """A table's file is not what the catalog says. The message names table, file and line, never a row's contents."""


def read_columns(table: QueryTable, wanted: frozenset[str] | None) -> list[tuple[str, str]]:
    """Name (as in the file) and type of the columns that a query reads, of those that it may; None for all of these."""
    return [column for column in visible_columns(table) if wanted is None or column[0].lower() in wanted]


def view_statements(
    view: str, table: QueryTable, wanted: frozenset[str] | None, *, row_keys: bool, equal_alike: bool = False
) -> list[str]:
    """The SQL that puts the columns that a query reads, in lower case, under the view's name.

    With `row_keys` the view says of each row where it lies. Parquet knows; CSV and JSON do not, and
    are copied into a table of the engine first. With `equal_alike` values that compare equal look the same, as a query
    over protected tables must have them (engines/duckdb/noise/one_form.py).
    """
    columns = read_columns(table, wanted)
    source = _reader(table)
    statements = []
    key = ""
    if row_keys and table.source.format is FileFormat.PARQUET:
        key = f", (file_index::BIGINT << {_ROWS_PER_FILE_BITS}) + file_row_number AS {sql_name(ROW_KEY)}"
    elif row_keys:
        copy = sql_name(f"{view}$copy")
        names = ", ".join(sql_name(name) for name, _ in columns) or _NO_COLUMN
        statements.append(f"CREATE TEMP TABLE {copy} AS SELECT {names} FROM {source}")  # noqa: S608 -- quoted above
        source, key = copy, f", rowid AS {sql_name(ROW_KEY)}"
    typed = {name: _typed(name, spark_type, table.source.format) for name, spark_type in columns}
    if equal_alike:
        typed = {name: one_form(typed[name], to_duckdb(spark_type)) for name, spark_type in columns}
    selected = ", ".join(f"{value} AS {sql_name(name.lower())}" for name, value in typed.items())
    rows = f"SELECT {selected or _NO_COLUMN}{key} FROM {source}"  # noqa: S608 -- every name in it is quoted
    statements.append(f"CREATE TEMP VIEW {sql_name(view)} AS {rows}")
    return statements


def count_statement(table: QueryTable) -> str:
    """The SQL that counts the rows of a table, as its files have them."""
    return f"SELECT COUNT(*) FROM {_reader(table)}"  # noqa: S608 -- quoted


def _typed(name: str, spark_type: str, file_format: FileFormat) -> str:
    cast = f"CAST({sql_name(name)} AS {to_duckdb(spark_type)})"
    if file_format is FileFormat.PARQUET and spark_type in {"float", "double"}:
        # The statistics of many a file leave NaN out. DuckDB would go by them: max() and isnan() without it.
        return f"CASE WHEN {sql_name(name)} IS NOT NULL THEN {cast} END"
    return cast


def _reader(table: QueryTable) -> str:
    files = "[" + ", ".join(sql_literal(file) for file in table.source.files) + "]"
    if table.source.format is FileFormat.PARQUET:
        return f"read_parquet({files}, hive_partitioning=false)"
    columns = ", ".join(f"{sql_literal(c.name)}: {sql_literal(to_duckdb(c.type))}" for c in table.source.columns)
    if table.source.format is FileFormat.CSV:
        return f"read_csv({files}, auto_detect=false, {CSV_DIALECT}, hive_partitioning=false, columns={{{columns}}})"
    return (
        f"read_json({files}, format='newline_delimited', auto_detect=false, hive_partitioning=false, "
        f"columns={{{columns}}})"
    )


def check_headers(tables: Iterable[QueryTable]) -> None:
    """Whether every file is there, and every CSV still has the header that was catalogued: DuckDB goes by position.

    Raises:
        BrokenData: a file is gone, or its header is another.
    """
    for table in tables:
        wanted = [column.name for column in table.source.columns]
        for file in table.source.files:
            found = read_csv_header(Path(file)) if table.source.format is FileFormat.CSV else wanted
            if not Path(file).is_file() or found is None:
                raise BrokenData(f"{_place(table, file)} is gone or cannot be read.")
            if [name.lower() for name in found] != [name.lower() for name in wanted]:
                raise BrokenData(
                    f"{_place(table, file)}, line 1: the header is not the one that was catalogued. "
                    "The owner must restore the file or add the table to the catalog again."
                )


def broken_data(message: str, tables: Iterable[QueryTable]) -> BrokenData | None:
    """What DuckDB's message says of a table's file, in words that hold none of its rows; None if it is of no file."""
    known = {file: table for table in tables for file in table.source.files}
    if row := find_broken_row(message, known):
        file, line = row
        return BrokenData(f"{_place(known[file], file)}, line {line}: the row is broken.")
    if broken := find_broken_file(message, known):
        return BrokenData(
            f"{_place(known[broken], broken)} cannot be read as {known[broken].source.format.value}: "
            "it is damaged, or its columns are no longer those that were catalogued."
        )
    return None


def _place(table: QueryTable, file: str) -> str:
    return f"Table '{table.name}', file {Path(file).name}"
