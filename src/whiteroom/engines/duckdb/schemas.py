"""Which columns a table's files have, as DuckDB finds them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb

from whiteroom.base.csv_headers import read_csv_header
from whiteroom.domain.privacy.query_tables import Column, FileFormat
from whiteroom.engines.duckdb.column_types import from_duckdb, to_duckdb
from whiteroom.engines.duckdb.files.quoting import sql_literal, sql_name
from whiteroom.engines.duckdb.files.reading import CSV_DIALECT, find_broken_row
from whiteroom.ports import UnusableFiles

_MEMORY_LIMIT = "1GB"
_CSV_TYPES = "['BOOLEAN', 'BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'VARCHAR']"


def read_schema(files: Sequence[str], file_format: FileFormat) -> tuple[Column, ...]:
    """Implements ports.SchemaReader. CSV and JSON are read to their end, so that every broken row is found here.

    Raises:
        UnusableFiles: a file is broken, files differ in their columns, or a column has a nested type.
    """
    connection = duckdb.connect(":memory:")
    try:
        _limit(connection, files)
        schemas = {file: _columns_of(connection, file, file_format) for file in files}
        columns = _agreed(schemas)
        if file_format is not FileFormat.PARQUET:
            _read_through(connection, files, file_format, columns)
    except duckdb.Error as error:
        raise _unusable(error, files, file_format) from None
    else:
        return columns
    finally:
        connection.close()


def _limit(connection: duckdb.DuckDBPyConnection, files: Sequence[str]) -> None:
    for setting in (
        f"memory_limit = '{_MEMORY_LIMIT}'",
        "TimeZone = 'UTC'",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        f"allowed_paths = [{', '.join(map(sql_literal, files))}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"SET {setting}")


def _columns_of(connection: duckdb.DuckDBPyConnection, file: str, file_format: FileFormat) -> tuple[Column, ...]:
    if file_format is FileFormat.CSV:
        # As text first: the sniffer below would look for a reading under which a broken row is none.
        text = [Column(name, "string") for name in read_csv_header(Path(file)) or ()]
        _read_through(connection, [file], file_format, text)
    statement = f"DESCRIBE SELECT * FROM {_sniffer(file, file_format)}"  # noqa: S608 -- the file's name is quoted
    described = connection.execute(statement).fetchall()
    columns = []
    for name, duckdb_type, *_ in described:
        try:
            columns.append(Column(name, from_duckdb(duckdb_type)))
        except ValueError as error:
            raise UnusableFiles(f"{file}, column '{name}': {error} Leave it out of the file.") from None
    repeated = [name for name, count in Counter(column.name.lower() for column in columns).items() if count > 1]
    if repeated:
        raise UnusableFiles(f"{file} has more than one column named '{repeated[0]}' (case does not count). Rename one.")
    return tuple(columns)


def _sniffer(file: str, file_format: FileFormat) -> str:
    name = sql_literal(file)
    if file_format is FileFormat.PARQUET:
        return f"read_parquet({name}, hive_partitioning=false)"
    if file_format is FileFormat.CSV:
        return (
            f"read_csv({name}, {CSV_DIALECT}, sample_size=-1, hive_partitioning=false, "
            f"auto_type_candidates={_CSV_TYPES})"
        )
    return f"read_json({name}, format='newline_delimited', sample_size=-1, hive_partitioning=false)"


def _agreed(schemas: dict[str, tuple[Column, ...]]) -> tuple[Column, ...]:
    """The first file's columns, each of a type that holds every file's values."""
    first_file, first = next(iter(schemas.items()))
    agreed = list(first)
    for file, columns in schemas.items():
        if [column.name for column in columns] != [column.name for column in first]:
            raise UnusableFiles(f"{first_file} and {file} have different columns; the files of a table have the same.")
        agreed = [Column(a.name, _common(a.type, b.type)) for a, b in zip(agreed, columns, strict=True)]
    return tuple(agreed)


def _common(one: str, other: str) -> str:
    if one == other:
        return one
    return "double" if {one, other} <= {"bigint", "double"} else "string"


def _read_through(
    connection: duckdb.DuckDBPyConnection, files: Sequence[str], file_format: FileFormat, columns: Sequence[Column]
) -> None:
    names = f"[{', '.join(map(sql_literal, files))}]"
    types = ", ".join(f"{sql_literal(column.name)}: {sql_literal(to_duckdb(column.type))}" for column in columns)
    reader = f"read_json({names}, format='newline_delimited', auto_detect=false, columns={{{types}}})"
    if file_format is FileFormat.CSV:
        reader = f"read_csv({names}, auto_detect=false, {CSV_DIALECT}, columns={{{types}}})"
    counts = ", ".join(f"count({sql_name(column.name)})" for column in columns)
    connection.execute(f"SELECT {counts} FROM {reader}")  # noqa: S608 -- every name in it is quoted


def _unusable(error: duckdb.Error, files: Sequence[str], file_format: FileFormat) -> UnusableFiles:
    if row := find_broken_row(str(error), files):
        return UnusableFiles(f"{row[0]}, line {row[1]}: the row is broken. Correct it or take it out.")
    named = next((file for file in files if file in str(error).partition("\n")[0]), files[0])
    return UnusableFiles(f"{named} cannot be read as {file_format.value}: it is damaged or has another form.")
