"""Cuts data files into parts of whole rows, in order: CSV between records, Parquet by row numbers.

A line end ends a CSV record where the number of quotes before it is even. That is exact for RFC 4180
(a quote inside a field is doubled) and needs no parsing of the rows.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import duckdb

from whiteroom.engines.duckdb.files.quoting import sql_literal, sql_name
from whiteroom.engines.duckdb.files.row_places import FILE, ROW, with_places

PARQUET_OPTIONS = "FORMAT parquet, COMPRESSION snappy"
_CHUNK_BYTES = 1 << 20
_MARK = re.compile(rb'["\n]')


@dataclass(frozen=True, slots=True)
class Span:
    """The rows from `first` up to, not including, `end` of one of several files."""

    file: int
    first: int
    end: int


def spans(rows: Sequence[int], parts: int) -> list[list[Span]]:
    """Which rows of files with so many rows go into each part: in order, and evenly but for one row."""
    total = sum(rows)
    shares = []
    for part in range(parts):
        first, end = total * part // parts, total * (part + 1) // parts
        share, before = [], 0
        for file, count in enumerate(rows):
            low, high = max(first - before, 0), min(end - before, count)
            if low < high:
                share.append(Span(file, low, high))
            before += count
        shares.append(share)
    return shares


def part_name(number: int, suffix: str) -> str:
    """The name of one file of a channel: in the order of their names they are in the order of their rows."""
    return f"part-{number:05}.{suffix}"


class CsvRecords:
    """Where the records of a CSV file begin, by an index that is made in one pass."""

    def __init__(self, file: Path, *, header: bool) -> None:
        self.file = file
        self.size_bytes = file.stat().st_size
        self._counts: list[int] = []
        """How many records end before each chunk."""
        self._quotes: list[int] = []
        """Whether a quote is open where it begins: 1 or 0."""
        records = quotes = 0
        last = b""
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                self._counts.append(records)
                self._quotes.append(quotes)
                pieces = chunk.split(b'"')
                records += sum(piece.count(b"\n") for piece in pieces[quotes::2])
                quotes = (quotes + len(pieces) - 1) % 2
                last = chunk
        self._records = records + (bool(last) and (not last.endswith(b"\n") or quotes == 1))
        self._titles = min(int(header), self._records)
        self.rows = self._records - self._titles
        """Records without the header."""

    @property
    def first_byte(self) -> int:
        """Where the first row begins: the header, if any, is before it."""
        return self.offset_of(0)

    def offset_of(self, row: int) -> int:
        """Where a row begins; the end of the file for the row after the last."""
        record = row + self._titles
        if record == 0:
            return 0
        if record >= self._records:
            return self.size_bytes
        chunk = bisect_right(self._counts, record - 1) - 1
        return self._nth_end(chunk, record - self._counts[chunk])

    def offset_from(self, byte: int) -> int:
        """Where the first row begins that begins at `byte` or after it; the end of the file if there is none."""
        for chunk in range(max(byte - 1, 0) // _CHUNK_BYTES, len(self._counts)):
            found = self._nth_end(chunk, 1, byte)
            if found:
                return max(found, self.first_byte)
        return self.size_bytes

    def _nth_end(self, chunk: int, wanted: int, from_byte: int = 0) -> int:
        """The `wanted`th record end in a chunk that is not before `from_byte`, as an offset; 0 where there is none."""
        start = chunk * _CHUNK_BYTES
        with self.file.open("rb") as stream:
            stream.seek(start)
            data = stream.read(_CHUNK_BYTES)
        quotes = self._quotes[chunk]
        for mark in _MARK.finditer(data):
            if mark[0] == b'"':
                quotes ^= 1
            elif not quotes and start + mark.end() >= from_byte:
                wanted -= 1
                if not wanted:
                    return start + mark.end()
        return 0


def cut_csv_by_size(source: Path, parts: int, *, header: bool) -> list[Path]:
    """Cut a file into parts of about equal size beside it, none of them without a row; there may be fewer."""
    records = CsvRecords(source, header=header)
    starts = {records.offset_from(records.size_bytes * part // parts) for part in range(1, parts)}
    edges = sorted({records.first_byte, *starts, records.size_bytes})
    files = []
    for number, (first, end) in enumerate(pairwise(edges)):
        files.append(source.with_name(part_name(number, "csv")))
        _write_csv(files[-1], records, [(records, first, end)])
    return files


def cut_csv_by_rows(sources: Sequence[Path], folder: Path, parts: int, *, header: bool) -> list[Path]:
    """Put the rows of all files, in order, evenly into so many new ones, each with the header."""
    all_records = [CsvRecords(source, header=header) for source in sources]
    files = []
    for number, share in enumerate(spans([records.rows for records in all_records], parts)):
        files.append(folder / part_name(number, "csv"))
        chosen = ((all_records[span.file], span) for span in share)
        pieces = [(records, records.offset_of(span.first), records.offset_of(span.end)) for records, span in chosen]
        _write_csv(files[-1], all_records[0], pieces)
    return files


def cut_parquet_by_rows(
    connection: duckdb.DuckDBPyConnection, sources: Sequence[Path], folder: Path, parts: int
) -> list[Path]:
    """Put the rows of all files, in order, evenly into so many new ones."""
    rows = []
    for source in sources:
        counted = connection.execute(f"SELECT count(*) FROM {_parquet(source)}").fetchone()  # noqa: S608 -- quoted
        rows.append(int(counted[0]) if counted else 0)
    placed = [with_places(connection, _parquet(source)) for source in sources]
    files = []
    for number, share in enumerate(spans(rows, parts)):
        files.append(folder / part_name(number, "parquet"))
        selected = " UNION ALL ".join(
            f"SELECT * EXCLUDE ({sql_name(FILE)}, {sql_name(ROW)}) FROM {placed[span.file]} "  # noqa: S608 -- quoted
            f"WHERE {sql_name(ROW)} >= {span.first} AND {sql_name(ROW)} < {span.end}"
            # A part without rows has the columns still.
            for span in share or [Span(0, 0, 0)]
        )
        connection.execute(f"COPY ({selected}) TO {sql_literal(str(files[-1]))} ({PARQUET_OPTIONS})")
    return files


def _parquet(file: Path) -> str:
    # No folder above it names a column.
    return f"read_parquet({sql_literal(str(file))}, hive_partitioning=false)"


def _write_csv(file: Path, titled: CsvRecords, pieces: Sequence[tuple[CsvRecords, int, int]]) -> None:
    """Write the header of `titled`, then these bytes."""
    with file.open("wb") as out:
        for records, first, end in [(titled, 0, titled.first_byte), *pieces]:
            with records.file.open("rb") as source:
                _copy_bytes(source, out, first, end)
                # The last record of a file need not have a line end; what follows it does.
                source.seek(max(end - 1, 0))
                if end > first and source.read(1) != b"\n":
                    out.write(b"\n")
                    out.flush()


def _copy_bytes(source: BinaryIO, out: BinaryIO, first: int, end: int) -> None:
    while first < end:
        copied = os.sendfile(out.fileno(), source.fileno(), first, end - first)
        if not copied:
            raise OSError(f"{source.name} has become shorter")
        first += copied
