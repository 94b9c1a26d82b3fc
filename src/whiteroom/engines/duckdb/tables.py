"""Views over members' files for DuckDB, and the messages for broken files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from whiteroom.base.one_line import one_line
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, QueryTable, Snapshot
from whiteroom.engines.duckdb.column_types import to_duckdb
from whiteroom.engines.duckdb.files.agreeing import narrower
from whiteroom.engines.duckdb.files.checking import find_misfit, mark_of
from whiteroom.engines.duckdb.files.copies import CannotCopy, make_copies
from whiteroom.engines.duckdb.files.lines import find_unreadable, read_header
from whiteroom.engines.duckdb.files.quoting import sql_name
from whiteroom.engines.duckdb.files.reading import find_broken_file, find_broken_row, held, reader
from whiteroom.engines.duckdb.files.row_places import FILE, ROW, with_places
from whiteroom.engines.duckdb.files.snapshots import find_other, rows_of
from whiteroom.engines.duckdb.noise.one_form import one_form
from whiteroom.engines.duckdb.ordering import ROW_KEY
from whiteroom.ports.catalog import UnusableFiles
from whiteroom.sql.reserved import RESERVED
from whiteroom.sql.resolving import visible_columns

_ROWS_PER_FILE_BITS = 40
_MOVED = "Permission Error: "
_NO_COLUMN = f"NULL AS {sql_name(RESERVED + 'nothing')}"
"""Of a table whose rows are only counted."""


class BrokenData(Exception):
    """A table's file is not what the catalog says. The message names table, file and line, never a row's contents."""


def read_columns(table: QueryTable, wanted: frozenset[str] | None) -> list[tuple[str, str]]:
    """Name (as in the file) and type of the columns that a query reads, of those that it may; None for all of these."""
    return [column for column in visible_columns(table) if wanted is None or column[0].lower() in wanted]


def view_statements(
    connection: duckdb.DuckDBPyConnection,
    view: str,
    table: QueryTable,
    wanted: frozenset[str] | None,
    *,
    row_keys: bool,
    private: bool = False,
) -> list[str]:
    """The SQL that puts the columns that a query reads, in lower case, under the view's name.

    With `row_keys` the view says of each row where it is. Parquet knows; CSV and JSON do not, and
    are copied into a table of the engine first.

    With `private` the rows are copied too, all of them, and values that compare equal look the same, as a query over
    protected tables must have them (engines/duckdb/noise/one_form.py): a file that is broken fails every such query,
    and not only those whose protected rows have it read as far as that.
    """
    columns = read_columns(table, wanted)
    source = _reader(table)
    statements = []
    key = ""
    kept_as = {name: name for name, _ in columns}
    if row_keys and table.source.format is FileFormat.PARQUET:
        source = source if table.source.snapshot else with_places(connection, source)
        key = f", ({sql_name(FILE)} << {_ROWS_PER_FILE_BITS}) + {sql_name(ROW)} AS {sql_name(ROW_KEY)}"
    elif row_keys:
        copy = sql_name(f"{view}$copy")
        # A column of the name would hide the copy's own `rowid`.
        kept_as = {name: f"{RESERVED}{name}" for name in kept_as}
        names = ", ".join(f"{sql_name(name)} AS {sql_name(kept)}" for name, kept in kept_as.items()) or _NO_COLUMN
        statements.append(f"CREATE TEMP TABLE {copy} AS SELECT {names} FROM {source}")  # noqa: S608 -- quoted above
        source, key = copy, f", rowid AS {sql_name(ROW_KEY)}"
    typed = {name: _typed(kept_as[name], spark_type, table.source) for name, spark_type in columns}
    if private:
        typed = {name: one_form(typed[name], to_duckdb(spark_type)) for name, spark_type in columns}
    selected = ", ".join(f"{value} AS {sql_name(name.lower())}" for name, value in typed.items())
    rows = f"SELECT {selected or _NO_COLUMN}{key} FROM {source}"  # noqa: S608 -- every name in it is quoted
    statements.append(f"CREATE TEMP {'TABLE' if private else 'VIEW'} {sql_name(view)} AS {rows}")
    return statements


def count_statement(table: QueryTable) -> str:
    """The SQL that counts the rows of a table, as its files have them."""
    return f"SELECT COUNT(*) FROM {_reader(table)}"  # noqa: S608 -- quoted


def _typed(name: str, spark_type: str, source: CatalogTable) -> str:
    if source.format is FileFormat.CSV and source.reading.empty_texts and spark_type not in {"string", "binary"}:
        return f"CAST(nullif({sql_name(name)}, '') AS {to_duckdb(spark_type)})"
    cast = f"CAST({sql_name(name)} AS {to_duckdb(spark_type)})"
    if source.format is FileFormat.PARQUET and spark_type in {"float", "double"}:
        # The statistics of many a file leave NaN out. DuckDB would go by them: max() and isnan() without it.
        return f"CASE WHEN {sql_name(name)} IS NOT NULL THEN {cast} END"
    return cast


def _reader(table: QueryTable) -> str:
    if table.source.snapshot:
        return rows_of(table.source, table.source.snapshot)
    return reader(table.source.files, table.source.format, table.source.reading, table.source.columns)


def check_headers(tables: Iterable[QueryTable]) -> None:
    """Whether every file is there, and every CSV still has the header that was catalogued: DuckDB goes by position.

    Raises:
        BrokenData: a file is gone, or its header is another.
    """
    for table in tables:
        wanted = [column.name for column in held(table.source.columns, table.source.reading)]
        for file in table.source.sources:
            named = table.source.format is FileFormat.CSV and table.source.reading.header
            found = read_header(Path(file), table.source.reading) if named else wanted
            if not Path(file).is_file() or found is None:
                raise BrokenData(f"{_place(table, file)} is gone or cannot be read.")
            if [name.lower() for name in found] != [name.lower() for name in wanted]:
                line = 1 + table.source.reading.skip_lines
                raise BrokenData(
                    f"{_place(table, file)}, line {line}: the header is not the one that was catalogued. "
                    "The owner must restore the file or add the table to the catalog again."
                )


def marks_of(tables: Iterable[QueryTable]) -> dict[str, str]:
    """What distinguishes each file from what it may become while it is read.

    Raises:
        BrokenData: a file is gone.
    """
    marks = {}
    for table in tables:
        origins = dict(zip(table.source.files, table.source.sources, strict=True))
        for file in table.source.read_paths:
            try:
                marks[file] = mark_of(origins.get(file, file))
            except OSError:
                raise BrokenData(f"{_place(table, file)} is gone or cannot be read.") from None
    return marks


def check_unchanged(tables: Iterable[QueryTable], before: Mapping[str, str]) -> None:
    """Whether the files are still those whose marks were taken: rows of half a file are no answer.

    Raises:
        BrokenData: a file is another by now.
    """
    tables = tuple(tables)
    now = marks_of(tables)
    for table in tables:
        for file in table.source.read_paths:
            if now[file] != before[file]:
                raise BrokenData(f"{_place(table, file)} was changed while it was read. Ask again once it is whole.")


def check_values(
    connection: duckdb.DuckDBPyConnection, table: QueryTable, wanted: frozenset[str], marks: Mapping[str, str]
) -> None:
    """Whether each value that a query may read is written as one of its column's type, in files not read through yet.

    Raises:
        BrokenData: one is not.
        duckdb.Error: a file is broken.
    """
    source = table.source
    try:
        make_copies(source)
    except CannotCopy as error:
        raise BrokenData(f"{_place(table, error.file)} cannot be read: {error}.") from None
    if not source.reading.strict:
        return
    if source.snapshot:
        _check_snapshot(connection, table, source.snapshot)
        return
    known = dict(zip(source.files, source.marks, strict=False))
    files = [file for file in source.files if known.get(file) != marks[file]]
    origins = dict(zip(source.files, source.sources, strict=True))
    columns = [column for column in source.columns if column.name.lower() in wanted]
    if source.format is FileFormat.PARQUET:
        for file in files:
            _check_parquet(connection, table, file, held(columns, source.reading))
    for file in files if source.format is not FileFormat.PARQUET else ():
        if unreadable := find_unreadable(Path(origins[file]), source.reading.encoding):
            raise BrokenData(f"{_place(table, file)} cannot be read: {unreadable}.")
    misfit = find_misfit(connection, files, source.format, source.reading, source.columns, columns) if files else None
    if misfit:
        raise BrokenData(
            f"{_place(table, misfit.file)}, {misfit.place}: the value is not written as one of type "
            f"{misfit.column.type}. The owner must correct it, or add the table again."
        )


def _check_snapshot(connection: duckdb.DuckDBPyConnection, table: QueryTable, snapshot: Snapshot) -> None:
    if other := find_other(connection, table.source, snapshot):
        file, how = other
        raise BrokenData(f"{_place(table, file)}: {how}. The owner must write the table anew.")


def _check_parquet(
    connection: duckdb.DuckDBPyConnection, table: QueryTable, file: str, columns: Sequence[Column]
) -> None:
    try:
        found = narrower(connection, file, columns, by_name=table.source.reading.by_name)
    except UnusableFiles:
        found = "it has columns that cannot be queried"
    if found:
        raise BrokenData(f"{_place(table, file)}: {found}. The owner must restore it, or add the table again.")


def broken_data(message: str, tables: Iterable[QueryTable]) -> BrokenData | None:
    """What DuckDB's message says of a table's file, in words that hold none of its rows; None if it is of no file."""
    known = {file: table for table in tables for file in table.source.read_paths}
    if row := find_broken_row(message, known):
        file, line = row
        return BrokenData(f"{_place(known[file], file)}, line {line}: the row is broken.")
    if broken := find_broken_file(message, known):
        # The engine asks where an open file lies by now, and reads none that was moved since it was told of it.
        if message.startswith(_MOVED) or not Path(broken).exists():
            return BrokenData(f"{_place(known[broken], broken)} was changed while it was read. Ask again.")
        return BrokenData(
            f"{_place(known[broken], broken)} cannot be read as {known[broken].source.format.value}: "
            "it is damaged, or its columns are no longer those that were catalogued."
        )
    return None


def _place(table: QueryTable, file: str) -> str:
    origins = dict(zip(table.source.files, table.source.sources, strict=True))
    return f"Table '{table.name}', file {one_line(Path(origins.get(file, file)).name)}"
