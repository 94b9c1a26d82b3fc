"""Checks the text of files, and finds the first value that is not of its column's type.

DuckDB makes integers of `3.7` and `1e3`, and dates of times. So before a query reads a file that has not been checked
in its present state, each value is checked as it is written. The marks of files show which these are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from whiteroom.domain.privacy.query_tables import Column, FileFormat, Reading
from whiteroom.engines.duckdb.files.lines import line_of
from whiteroom.engines.duckdb.files.quoting import sql_name
from whiteroom.engines.duckdb.files.reading import as_text, held, is_value, reader
from whiteroom.engines.duckdb.files.values import fits

_ROW = "whiteroom row"


@dataclass(frozen=True, slots=True)
class Misfit:
    """A value that is not written in its column's type. The value itself is left out: it comes from a row."""

    file: str
    line: int | None
    column: Column

    @property
    def place(self) -> str:
        """Line and column."""
        line = "" if self.line is None else f"line {self.line}, "
        return f"{line}column '{self.column.name}'"


def mark_of(file: str) -> str:
    """What distinguishes a file from what it may become: a file of another mark may have other bytes.

    Raises:
        OSError: it is gone.
    """
    seen = Path(file).stat()
    return f"{seen.st_size}-{seen.st_mtime_ns}-{seen.st_ctime_ns}-{seen.st_ino}"


def find_misfit(
    connection: duckdb.DuckDBPyConnection,
    files: Sequence[str],
    file_format: FileFormat,
    reading: Reading,
    columns: Sequence[Column],
    wanted: Sequence[Column],
) -> Misfit | None:
    """The first value of the wanted columns, in the order of the files, that its type has not.

    Args:
        connection: may read the files.
        files: all of one form.
        file_format: of Parquet the columns that folders name are looked at.
        reading: how the text is read.
        columns: all columns of the files.
        wanted: those that are looked at.

    Raises:
        duckdb.Error: a file is broken.
    """
    wanted = wanted if file_format is not FileFormat.PARQUET else [c for c in wanted if c.name in reading.partitions]
    checks = [
        f"count(*) FILTER ({is_value(sql_name(c.name), reading)} AND NOT ({fits(sql_name(c.name), c.type, reading)}))"
        for c in wanted
    ]
    if not checks:
        return None

    def misfits(of: Sequence[str]) -> list[int]:
        source = reader(of, file_format, reading, as_text(columns))
        counted = connection.execute(f"SELECT {', '.join(checks)} FROM {source}").fetchone()  # noqa: S608 -- quoted
        return [int(count) for count in counted or ()]

    if not any(misfits(files)):
        return None
    for file in files:
        for column, count in zip(wanted, misfits([file]), strict=True):
            if count:
                if column.name in reading.partitions:
                    return Misfit(file, None, column)
                row = _first_row(connection, reader([file], file_format, reading, as_text(columns)), column, reading)
                line = line_of(Path(file), file_format, reading, row, len(held(columns, reading)))
                return Misfit(file, line, column)
    return None


def _first_row(connection: duckdb.DuckDBPyConnection, source: str, column: Column, reading: Reading) -> int:
    name = sql_name(column.name)
    numbered = f"SELECT row_number() OVER () AS {sql_name(_ROW)}, {name} FROM {source}"  # noqa: S608 -- quoted
    bad = f"{is_value(name, reading)} AND NOT ({fits(name, column.type, reading)})"
    first = f"SELECT min({sql_name(_ROW)}) FROM ({numbered}) WHERE {bad}"  # noqa: S608 -- quoted
    found = connection.execute(first).fetchone()
    return int(found[0]) if found and found[0] else 1
