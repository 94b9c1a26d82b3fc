"""Which columns a table has whose files name their own (Parquet, JSON lines)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import duckdb

from whiteroom.domain.privacy.column_types import wider
from whiteroom.domain.privacy.query_tables import Column, FileFormat
from whiteroom.engines.duckdb.column_types import from_duckdb
from whiteroom.engines.duckdb.files.quoting import sql_literal, sql_name
from whiteroom.ports.catalog import UnusableFiles

Schemas = Mapping[str, tuple[Column, ...]]
"""The columns of each file."""


def described(
    connection: duckdb.DuckDBPyConnection, file: str, file_format: FileFormat, called: str = ""
) -> tuple[Column, ...]:
    """The columns that a file says it has; `called` is what it is a copy of.

    Raises:
        UnusableFiles: a column has a nested type, or the name of another.
        duckdb.Error: the file is broken.
    """
    called = called or file
    if file_format is FileFormat.PARQUET:
        source = f"read_parquet({sql_literal(file)}, hive_partitioning=false)"
    else:
        _require_plain_keys(connection, file, called)
        source = f"read_json({sql_literal(file)}, {_LINES}, sample_size=-1, map_inference_threshold=-1)"
    columns = []
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608 -- quoted
    for column, duckdb_type, *_ in described:
        if file_format is FileFormat.JSON_LINES and _is_text(connection, file, column, duckdb_type):
            columns.append(Column(column, "string"))
            continue
        try:
            columns.append(Column(column, from_duckdb(duckdb_type)))
        except ValueError as error:
            raise UnusableFiles(f"{called}, column '{column}': {error} Leave it out of the file.", called) from None
    repeated = [name for name, count in Counter(column.name.lower() for column in columns).items() if count > 1]
    if repeated:
        raise UnusableFiles(
            f"{called} has more than one column named '{repeated[0]}' (case does not count). Rename one."
        )
    return tuple(columns)


_LINES = "format='newline_delimited', hive_partitioning=false"
_NOTHING, _SEVERAL = '"NULL"', "JSON"
"""DuckDB's types of a column without a value, and of one with values of several kinds."""


def _require_plain_keys(connection: duckdb.DuckDBPyConnection, file: str, called: str) -> None:
    """Whether each column has one name: DuckDB would give the second of `a` and `A` a name of its own.

    Raises:
        UnusableFiles: one has two, or none.
    """
    source = f"read_json_objects({sql_literal(file)}, format='newline_delimited')"
    found = connection.execute(f"SELECT DISTINCT unnest(json_keys(json)) FROM {source} ORDER BY 1").fetchall()  # noqa: S608 -- quoted
    spelled: dict[str, str] = {}
    for (key,) in found:
        if not key:
            raise UnusableFiles(f"{called} has objects with a member that has no name. Name it.", called)
        other = spelled.setdefault(key.lower(), key)
        if other != key:
            raise UnusableFiles(
                f"{called} spells a column '{other}' and '{key}'; case does not count. Write one.", called
            )


def _is_text(connection: duckdb.DuckDBPyConnection, file: str, column: str, duckdb_type: str) -> bool:
    """Whether a column of JSON lines is text: it has no value, or values of several kinds and no object or array."""
    if duckdb_type != _SEVERAL:
        return duckdb_type == _NOTHING
    name = sql_name(column)
    source = f"read_json({sql_literal(file)}, {_LINES}, columns={{{name}: 'JSON'}})"
    nested = f"SELECT bool_or(json_type({name}) IN ('OBJECT', 'ARRAY')) FROM {source}"  # noqa: S608 -- quoted
    answer = connection.execute(nested).fetchone()
    return answer is not None and not answer[0]


def agreed_lines(schemas: Schemas) -> tuple[Column, ...]:
    """The columns of files of JSON lines, which are the same: text where one file has text.

    Raises:
        UnusableFiles: they differ.
    """
    first_file, first = next(iter(schemas.items()))
    kinds = [column.type for column in first]
    for file, columns in schemas.items():
        if [column.name for column in columns] != [column.name for column in first]:
            raise different(first_file, file)
        kinds = ["string" if "string" in {a, b.type} else a for a, b in zip(kinds, columns, strict=True)]
    return tuple(Column(column.name, kind) for column, kind in zip(first, kinds, strict=True))


def agreed_parquet(schemas: Schemas) -> tuple[tuple[Column, ...], tuple[str, ...]]:
    """The columns that files of Parquet have together, by name, and a note of each that lacks some.

    Raises:
        UnusableFiles: no type holds the values of a column in all of them exactly.
    """
    columns: dict[str, Column] = {}
    said: dict[str, str] = {}
    for file, of_file in schemas.items():
        for column in of_file:
            key = column.name.lower()
            known = columns.setdefault(key, column)
            kind = wider(known.type, column.type)
            if kind is None:
                raise UnusableFiles(
                    f"Column '{column.name}' is {known.type} in {said[key]} and {column.type} in {file}: no type holds "
                    "the values of both exactly. Write the files with one."
                )
            columns[key] = Column(known.name, kind)
            said.setdefault(key, file)
    notes = []
    for file, of_file in schemas.items():
        lacking = columns.keys() - {column.name.lower() for column in of_file}
        if lacking:
            names = ", ".join(f"'{column.name}'" for key, column in columns.items() if key in lacking)
            notes.append(f"{file} has no column {names}: its rows have NULL there.")
    return tuple(columns.values()), tuple(notes)


def same_columns(schemas: Schemas) -> bool:
    """Whether all files have the same columns, in order and of the same types."""
    return len({tuple((column.name.lower(), column.type) for column in columns) for columns in schemas.values()}) == 1


def different(first: str, other: str) -> UnusableFiles:
    """That two files are no table together."""
    return UnusableFiles(f"{first} and {other} have different columns; the files of a table have the same.", other)


def narrower(connection: duckdb.DuckDBPyConnection, file: str, columns: Sequence[Column], *, by_name: bool) -> str:
    """What a file of Parquet has that these columns have not, in words; empty where each of its values fits.

    Raises:
        UnusableFiles, duckdb.Error: it cannot be read.
    """
    there = {column.name.lower(): column.type for column in described(connection, file, FileFormat.PARQUET)}
    for column in columns:
        kind = there.get(column.name.lower())
        if kind is None and not by_name:
            return f"it has no column '{column.name}'"
        if kind is not None and wider(kind, column.type) != column.type:
            return f"column '{column.name}' is {kind}, and was catalogued as {column.type}"
    return ""
