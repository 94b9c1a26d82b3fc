"""Writes a query's rows: one file, or several in order where one would be too large.

DuckDB's own splitting by size loses the order of rows on more than one thread. So the rows go into
one file first, in order, on all threads; only a file above the limit is read again and cut into parts of
about equal size (cutting.py).

An empty result is one file too: a header (CSV) or a schema (Parquet) and no row, so that a
container finds a file of the right form. With headers turned off an empty CSV has no bytes.

CSV is RFC 4180 with LF: fields quoted where needed, quotes doubled; NULL is empty and the empty text
is `""`; dates `yyyy-MM-dd`, timestamps `yyyy-MM-dd'T'HH:mm:ss.SSSZ` (UTC), as Spark writes them.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import duckdb

from whiteroom.domain.execution.queries import ResultFormat
from whiteroom.engines.duckdb.files.cutting import PARQUET_OPTIONS, cut_csv_by_size, cut_parquet_by_rows, part_name
from whiteroom.engines.duckdb.files.quoting import sql_literal, sql_name

_CSV_OPTIONS = "FORMAT csv, DELIMITER ',', DATEFORMAT '%Y-%m-%d', TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%gZ'"

_STORED_TYPES = {
    "HUGEINT": "BIGINT",  # Spark's sum of integers is a BIGINT
    "UHUGEINT": "BIGINT",
    "UBIGINT": "BIGINT",
    "UINTEGER": "BIGINT",
    "USMALLINT": "INTEGER",
    "UTINYINT": "SMALLINT",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "TIME": "VARCHAR",
    "UUID": "VARCHAR",
    "INTERVAL": "VARCHAR",
    '"NULL"': "VARCHAR",
}

_WATCH_SECONDS = 0.02
_NO_SPACE = os.strerror(errno.ENOSPC)


class FileForm(Protocol):
    """How rows are laid out in files: what a `QuerySpec` says of it."""

    @property
    def result_format(self) -> ResultFormat: ...
    @property
    def csv_header(self) -> bool: ...
    @property
    def max_file_bytes(self) -> int: ...


class TooLarge(Exception):
    """The result has more bytes than it may."""


def write_result(
    connection: duckdb.DuckDBPyConnection, sql: str, spec: FileForm, folder: Path, most_bytes: int | None = None
) -> tuple[int, list[Path]]:
    """Run a text (`as_stored`) into files of `folder`; the number of rows, and the files in order.

    Raises:
        TooLarge: it has more than `most_bytes`; what was written is the caller's to remove.
    """
    suffix = spec.result_format.value.lower()
    options = PARQUET_OPTIONS
    if spec.result_format is ResultFormat.CSV:
        options = f"{_CSV_OPTIONS}, HEADER {'true' if spec.csv_header else 'false'}"
    whole = folder / part_name(0, suffix)
    with _watched(connection, whole, most_bytes):
        answer = connection.execute(f"COPY ({sql}) TO {sql_literal(str(whole))} ({options})").fetchone()
    rows = int(answer[0]) if answer else 0
    size_bytes = whole.stat().st_size
    parts = min(-(-size_bytes // spec.max_file_bytes), rows)
    if parts <= 1:
        return rows, [whole]
    source = whole.rename(folder / f"whole.{suffix}")
    if spec.result_format is ResultFormat.CSV:
        files = cut_csv_by_size(source, parts, header=spec.csv_header)
    else:
        files = cut_parquet_by_rows(connection, [source], folder, parts)
    source.unlink()
    return rows, files


@contextmanager
def _watched(connection: duckdb.DuckDBPyConnection, file: Path, most_bytes: int | None) -> Iterator[None]:
    """End the query as soon as its file is too large: its rows are never all on the disk."""
    if most_bytes is None:
        yield
        return
    done, full = threading.Event(), threading.Event()

    def watch() -> None:
        while not done.wait(_WATCH_SECONDS):
            if _size(file) > most_bytes:
                full.set()
                connection.interrupt()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    except duckdb.Error:
        if not full.is_set():
            raise
    finally:
        done.set()
        watcher.join()
    if full.is_set() or _size(file) > most_bytes:
        file.unlink(missing_ok=True)
        raise TooLarge(f"The result has more than {most_bytes:,} bytes")


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def as_stored(connection: duckdb.DuckDBPyConnection, sql: str, names: tuple[str, ...]) -> str:
    """The query with its columns' written names, and in types that both formats and Spark have."""
    described = connection.execute(f"DESCRIBE {sql}").fetchall()
    columns = []
    for (name, duckdb_type, *_), written in zip(described, names, strict=True):
        stored = _STORED_TYPES.get(duckdb_type)
        value = f"CAST({sql_name(name)} AS {stored})" if stored else sql_name(name)
        columns.append(f"{value} AS {sql_name(written)}")
    return f"SELECT {', '.join(columns)} FROM ({sql})"  # noqa: S608 -- the guard's SQL, and quoted names


def nested_columns(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """The output columns that are arrays, maps or structs."""
    described = connection.execute(f"DESCRIBE {sql}").fetchall()
    return [name for name, duckdb_type, *_ in described if is_nested(duckdb_type)]


def is_nested(duckdb_type: str) -> bool:
    """Whether values of a type of DuckDB's hold other values."""
    return duckdb_type.endswith("]") or duckdb_type.startswith(("STRUCT", "TUPLE", "MAP", "UNION"))


def out_of_space(error: Exception) -> bool:
    """Whether the disk is full. Of DuckDB's errors only those are read that no value of a row can be in."""
    return isinstance(error, OSError | duckdb.IOException) and _NO_SPACE in str(error)
