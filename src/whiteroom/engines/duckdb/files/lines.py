"""The lines of a table's files, as Python reads them: the header, and where a row is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from whiteroom.domain.privacy.query_tables import FileFormat, Reading
from whiteroom.engines.duckdb.files.decoding import NotOfEncoding, decoded
from whiteroom.packing import DAMAGED, CannotUnpack, unpacked

_LF = b"\n"
_CHUNK_BYTES = 1 << 20
MAX_LINE_BYTES = 1 << 24
MAX_HEADER_BYTES = 1 << 20
_INDEX = "_c0"
"""Spark's name of a first column that has none."""
_MAX_FIELD_BYTES = 1 << 27
csv.field_size_limit(_MAX_FIELD_BYTES)


def first_text(file: Path, encoding: str = "", most_bytes: int = MAX_HEADER_BYTES) -> str:
    """How a file begins, unpacked. Bytes that are no text stand as U+FFFD.

    Raises:
        OSError: it cannot be read, or is packed and damaged.
    """
    with unpacked(file) as stream:
        chunks = decoded(stream, encoding, errors="replace")
        start = b""
        while len(start) < most_bytes and (chunk := next(chunks, b"")):
            start += chunk
    return start[:most_bytes].decode("utf-8-sig", errors="replace")


def find_unreadable(file: Path, encoding: str = "") -> str:
    """Why DuckDB would read a text wrongly and say nothing, in words; empty where it would not.

    It drops a line that is longer than its buffer, passes over a file in zstd that was cut, checks no sum of gzip's,
    and tells no reason of what is in another encoding.
    """
    line, length = 1, 0
    try:
        with unpacked(file) as stream:
            for chunk in decoded(stream, encoding):
                ends, last = chunk.count(_LF), chunk.rfind(_LF)
                if not ends and b"\r" in chunk:
                    ends, last = 1, chunk.rfind(b"\r")
                length = len(chunk) - last - 1 if ends else length + len(chunk)
                line += ends
                if length > MAX_LINE_BYTES:
                    return f"line {line} has more than {MAX_LINE_BYTES >> 20} MiB"
    except (NotOfEncoding, CannotUnpack) as error:
        return str(error)
    except OSError:
        return DAMAGED
    return ""


def has_byte(file: Path, byte: bytes) -> bool:
    """Whether a text, unpacked, has a byte.

    Raises:
        OSError: it cannot be read, or is packed and damaged.
    """
    with unpacked(file) as stream:
        return any(byte in chunk for chunk in iter(lambda: stream.read(_CHUNK_BYTES), b""))


def records(lines: Iterator[str], reading: Reading) -> Iterator[list[str]]:
    """The records of a CSV, blank lines as empty ones; the first is the header.

    Raises:
        csv.Error: a record is none.
    """
    doubled = reading.escape == reading.quote
    return csv.reader(
        islice(lines, reading.skip_lines, None),
        delimiter=reading.delimiter,
        quotechar=reading.quote or None,
        quoting=csv.QUOTE_MINIMAL if reading.quote else csv.QUOTE_NONE,
        doublequote=doubled,
        escapechar=None if doubled or not reading.quote else reading.escape,
        strict=True,
    )


def read_header(file: Path, reading: Reading) -> list[str] | None:
    """The names in a CSV's header; None where there is none that can be read."""
    try:
        names = next(records(text_lines(first_text(file, reading.encoding)), reading), None)
    except (OSError, csv.Error):
        return None
    return names and column_names(names)


def text_lines(text: str) -> Iterator[str]:
    """The lines of a text with their ends: those that CSV has, and no form feed or U+2028."""
    return iter(io.StringIO(text, newline=""))


def column_names(header: list[str]) -> list[str]:
    """What a header calls its columns: without blanks around; the first may have no name, as pandas writes an index."""
    names = [name.strip() for name in header]
    return [_INDEX, *names[1:]] if names[0] == "" and len(names) > 1 else names


def first_bad_json_line(file: Path) -> int | None:
    """The first line that is not a JSON object as DuckDB reads them: it counts one too many for some errors."""
    with unpacked(file) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                if line.strip() and not isinstance(json.loads(line.decode(), object_pairs_hook=_members), dict):
                    return number
            except (ValueError, RecursionError):
                return number
    return None


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose members have names of their own, in characters.

    Raises:
        ValueError: two have one, or half of a surrogate pair stands for a character.
    """
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("two members have one name")
    for text in (*members, *members.values()):
        if isinstance(text, str):
            text.encode()
    return members


def line_of(file: Path, file_format: FileFormat, reading: Reading, row: int, columns: int) -> int | None:
    """The line (from 1) on which a row (from 1, without the header) begins; None where that cannot be found."""
    if file_format is FileFormat.CSV:
        return _line_of_record(file, reading, row, columns)
    with unpacked(file) as stream:
        filled = (number for number, line in enumerate(stream, start=1) if line.strip())
        return next(islice(filled, row - 1, None), None)


def _line_of_record(file: Path, reading: Reading, row: int, columns: int) -> int | None:
    line = 1 + reading.skip_lines
    seen = -1 if reading.header else 0
    try:
        with unpacked(file) as stream, io.TextIOWrapper(stream, "utf-8-sig", "replace", newline="") as text:
            lines = _Counted(text)
            for record in records(lines, reading):
                # DuckDB passes over blank lines, but where they are the empty field of a single column.
                if record or columns == 1:
                    seen += 1
                if seen == row:
                    return line
                line = lines.read + 1
    except (OSError, csv.Error):
        return None
    return None


class _Counted:
    """Lines, and how many of them were read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.read = 0

    def __iter__(self) -> _Counted:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.read += 1
        return line
