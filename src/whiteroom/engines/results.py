"""Writes a query's rows: one file, or several in order where one would be too large.

DuckDB's own splitting by size loses the order of rows on more than one thread. So the rows go into
one file first, in order, on all threads; only a file above the limit is read again and cut into parts of
about equal size. CSV is cut between records, Parquet by row numbers.

An empty result is one file too: a header (CSV) or a schema (Parquet) and no row, so that a
container finds a file of the right form. With headers turned off an empty CSV has no bytes.

CSV is RFC 4180 with LF: fields quoted where needed, quotes doubled; NULL is empty and the empty text
is `""`; dates `yyyy-MM-dd`, timestamps `yyyy-MM-dd'T'HH:mm:ss.SSSZ` (UTC), as Spark writes them.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import duckdb

from whiteroom.base.data_files import sql_literal, sql_name
from whiteroom.domain.queries import QuerySpec, ResultFormat

_CSV_OPTIONS = "FORMAT csv, DELIMITER ',', DATEFORMAT '%Y-%m-%d', TIMESTAMPFORMAT '%Y-%m-%dT%H:%M:%S.%gZ'"
_PARQUET_OPTIONS = "FORMAT parquet, COMPRESSION snappy"
_CHUNK_BYTES = 1 << 20

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


def write_result(
    connection: duckdb.DuckDBPyConnection, sql: str, names: tuple[str, ...], spec: QuerySpec, folder: Path
) -> tuple[int, list[Path]]:
    """Run the query into files of `folder`; the number of rows, and the files in order."""
    suffix = spec.result_format.value.lower()
    options = _PARQUET_OPTIONS
    if spec.result_format is ResultFormat.CSV:
        options = f"{_CSV_OPTIONS}, HEADER {'true' if spec.csv_header else 'false'}"
    whole = folder / f"part-00000.{suffix}"
    copied = connection.execute(f"COPY ({_as_stored(connection, sql, names)}) TO {sql_literal(str(whole))} ({options})")
    answer = copied.fetchone()
    rows = int(answer[0]) if answer else 0
    size_bytes = whole.stat().st_size
    parts = min(-(-size_bytes // spec.max_file_bytes), rows)
    if parts <= 1:
        return rows, [whole]
    source = whole.rename(folder / f"whole.{suffix}")
    if spec.result_format is ResultFormat.CSV:
        files = _cut_csv(source, parts, header=spec.csv_header)
    else:
        files = _cut_parquet(connection, source, parts, rows)
    source.unlink()
    return rows, files


def _as_stored(connection: duckdb.DuckDBPyConnection, sql: str, names: tuple[str, ...]) -> str:
    """The query with its columns' written names, and in types that both formats and Spark have."""
    described = connection.execute(f"DESCRIBE {sql}").fetchall()
    columns = []
    for (name, duckdb_type, *_), written in zip(described, names, strict=True):
        stored = _STORED_TYPES.get(duckdb_type)
        value = f"CAST({sql_name(name)} AS {stored})" if stored else sql_name(name)
        columns.append(f"{value} AS {sql_name(written)}")
    return f"SELECT {', '.join(columns)} FROM ({sql})"  # noqa: S608 -- the guard's SQL, and quoted names


def _cut_parquet(connection: duckdb.DuckDBPyConnection, source: Path, parts: int, rows: int) -> list[Path]:
    files = []
    for part in range(parts):
        first, end = rows * part // parts, rows * (part + 1) // parts
        file = source.with_name(f"part-{part:05}.parquet")
        rows_of_part = f"file_row_number >= {first} AND file_row_number < {end}"
        selected = f"SELECT * FROM read_parquet({sql_literal(str(source))}) WHERE {rows_of_part}"  # noqa: S608 -- quoted
        connection.execute(f"COPY ({selected}) TO {sql_literal(str(file))} ({_PARQUET_OPTIONS})")
        files.append(file)
    return files


def _cut_csv(source: Path, parts: int, *, header: bool) -> list[Path]:
    size_bytes = source.stat().st_size
    files: list[Path] = []
    with source.open("rb") as stream:
        title = io.BytesIO()
        if header:
            _copy_records(stream, title, end=0)
        while stream.tell() < size_bytes:
            file = source.with_name(f"part-{len(files):05}.csv")
            with file.open("wb") as part:
                part.write(title.getvalue())
                _copy_records(stream, part, end=size_bytes * (len(files) + 1) // parts)
            files.append(file)
    return files


def _copy_records(stream: BinaryIO, part: BinaryIO, end: int) -> None:
    """Copy at least one record, and all that begin before the offset `end`.

    A line end ends a record where the number of quotes before it is even.
    """
    quotes, last = 0, b""
    while stream.tell() < end:
        last = stream.read(min(_CHUNK_BYTES, end - stream.tell()))
        if not last:
            return
        quotes += last.count(b'"')
        part.write(last)
    while not last.endswith(b"\n") or quotes % 2:
        last = stream.readline()
        if not last:
            return
        quotes += last.count(b'"')
        part.write(last)
