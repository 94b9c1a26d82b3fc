"""Which files a table consists of, what they are, and what columns they have."""

from __future__ import annotations

import codecs
import glob
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb

from whiteroom.base.data_files import CSV_DIALECT, find_broken_row, read_csv_header, sql_literal, sql_name
from whiteroom.domain.column_types import from_duckdb, to_duckdb
from whiteroom.domain.queries import Column, FileFormat

_EXTENSIONS = {
    ".csv": FileFormat.CSV,
    ".jsonl": FileFormat.JSON_LINES,
    ".ndjson": FileFormat.JSON_LINES,
    ".json": FileFormat.JSON_LINES,
    ".parquet": FileFormat.PARQUET,
    ".pq": FileFormat.PARQUET,
}
_PARQUET_MAGIC = b"PAR1"
_BEGINNINGS: tuple[tuple[tuple[bytes, ...], str], ...] = (
    ((b"<",), "an HTML or XML document"),
    ((b"%PDF-", b"%!PS", b"{\\rtf"), "a document"),
    ((b"#!",), "a program"),
    ((b"\x7fELF", b"MZ\x90"), "a program"),
    ((b"PK\x03\x04",), "a ZIP archive or a spreadsheet"),
    ((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd"), "compressed"),
    ((b"SQLite format 3",), "a database"),
    ((b"ORC", b"Obj\x01", b"ARROW1"), "a file of ORC, Avro or Arrow"),
    ((b"\x89PNG", b"\xff\xd8\xff", b"GIF8"), "a picture"),
    ((b"\xff\xfe", b"\xfe\xff"), "text in UTF-16"),
)
"""How files begin that look like tables and are none."""
_TABLES = "Tables are Parquet, CSV with commas in UTF-8, or JSON lines."
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
_SAMPLE_BYTES = 4_096
_MEMORY_LIMIT = "1GB"
_CSV_TYPES = "['BOOLEAN', 'BIGINT', 'DOUBLE', 'DATE', 'TIMESTAMP', 'VARCHAR']"


class UnusableFiles(Exception):
    """Files that cannot be a table. The message names the file, says why, and holds no row."""


def expand(sources: Sequence[str]) -> tuple[str, ...]:
    """The regular files that files, folders and glob patterns mean now, ordered by path, links followed.

    In a folder, names that begin with a dot or an underscore are passed over, as Spark and Glue do.

    Raises:
        UnusableFiles: a source means no file, or a file is empty or cannot be read.
    """
    files: set[Path] = set()
    for source in sources:
        path = Path(source)
        if path.is_dir():
            found = [file for file in path.rglob("*") if file.is_file() and not _is_hidden(file, path)]
        elif path.is_file():
            found = [path]
        else:
            found = [Path(name) for name in glob.glob(source, recursive=True) if Path(name).is_file()]  # noqa: PTH207 -- absolute patterns
        if not found:
            raise UnusableFiles(
                f"{source} holds no file. Give a file, a folder with files, or a pattern that fits some."
            )
        files.update(file.resolve() for file in found)
    if not files:
        raise UnusableFiles("No file is named. Give at least one file, folder or pattern.")
    ordered = sorted(str(file) for file in files)
    for file in ordered:
        if not os.access(file, os.R_OK):
            raise UnusableFiles(f"{file} cannot be read. Let the user that runs the server read it.")
        if Path(file).stat().st_size == 0:
            raise UnusableFiles(f"{file} is empty: it has no header and no schema. Remove it or fill it.")
    return tuple(ordered)


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith((".", "_")) for part in file.relative_to(folder).parts)


def find_format(files: Sequence[str]) -> FileFormat:
    """The format that all files have, by their extensions, or by their first bytes where those say nothing.

    Raises:
        UnusableFiles: they differ, or a file is none of the formats.
    """
    first = _format_of(files[0])
    for file in files[1:]:
        other = _format_of(file)
        if other is not first:
            raise UnusableFiles(f"{files[0]} is {first.value} and {file} is {other.value}; a table has one format.")
    return first


def _format_of(file: str) -> FileFormat:
    with Path(file).open("rb") as stream:
        start = stream.read(_SAMPLE_BYTES)
    if start.startswith(_PARQUET_MAGIC):
        return FileFormat.PARQUET
    known = _EXTENSIONS.get(Path(file).suffix.lower())
    for beginnings, what in _BEGINNINGS:
        if start.lstrip().startswith(beginnings):
            raise UnusableFiles(f"{file} is {what}, and no table. {_TABLES}")
    if known is FileFormat.PARQUET or b"\0" in start:
        raise UnusableFiles(f"{file} is not a Parquet file, nor text. {_TABLES}")
    is_object = start.removeprefix(codecs.BOM_UTF8).lstrip().startswith(b"{")
    if known is FileFormat.JSON_LINES and not is_object:
        raise UnusableFiles(f'{file} is no table: each line of JSON lines is an object, such as {{"age": 50}}.')
    return known or (FileFormat.JSON_LINES if is_object else FileFormat.CSV)


def read_schema(files: Sequence[str], file_format: FileFormat) -> tuple[Column, ...]:
    """The columns that all files have. CSV and JSON are read to their end, so that every broken row is found here.

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
        text = [Column(name, "string") for name in _header_of(file)]
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


def _header_of(file: str) -> list[str]:
    names = read_csv_header(Path(file))
    if not names or not all(name.strip() for name in names):
        raise UnusableFiles(f"{file}, line 1: a CSV begins with a header row that names every column.")
    if len(names) == 1:
        separator = next((each for each in ";\t|" if each in names[0]), None)
        if separator is not None:
            raise UnusableFiles(
                f"{file}, line 1: the columns of a CSV have commas between them, and here they seem to have "
                f"{_SEPARATORS[separator]}. Write the file with commas."
            )
        if Path(file).suffix.lower() not in _EXTENSIONS:
            raise UnusableFiles(
                f"{file} is no table as far as can be seen: nothing in its name says so, and its first line names one "
                f"column. If it is one, give it a name that ends in .csv. {_TABLES}"
            )
    if any(count > 1 for count in Counter(name.lower() for name in names).values()):
        raise UnusableFiles(f"{file}, line 1: two columns have the same name (case does not count). Rename one.")
    return names


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
