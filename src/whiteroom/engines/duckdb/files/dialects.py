"""Finds how a CSV is written: what its owner says of it holds, and the rest is looked for in how it begins."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from whiteroom.domain.privacy.query_tables import Column, Reading
from whiteroom.domain.privacy.readings import Wishes, date_pattern
from whiteroom.engines.duckdb.files.lines import MAX_HEADER_BYTES, column_names, first_text, records, text_lines
from whiteroom.packing import CannotUnpack, unpacked_name
from whiteroom.ports.catalog import TABLES, UnusableFiles

_DELIMITERS = (",", ";", "\t", "|")
_SAMPLE_RECORDS = 1_000
MAX_COLUMNS = 10_000
_MAX_SKIPPED = 1_000
_NAMED = frozenset({".csv", ".tsv", ".tab"})


def find_reading(file: str, wishes: Wishes) -> Reading:
    """How a CSV is read: the first way in which its first records have as many fields as its header.

    Raises:
        UnusableFiles: it cannot be read, or a wish makes no sense.
    """
    check_wishes(wishes)
    try:
        text = first_text(Path(file), wishes.encoding)
    except CannotUnpack as error:
        raise UnusableFiles(f"{file} cannot be read: {error}.") from None
    except OSError:
        raise UnusableFiles(f"{file} cannot be read, or is damaged.") from None
    skipped = wishes.skip_lines if wishes.skip_lines is not None else _blank_lines(text)
    rest = (wishes.null_words, skipped, wishes.date_format, wishes.timestamp_format)
    delimiters = (wishes.delimiter,) if wishes.delimiter is not None else _DELIMITERS
    ways = [
        _Way(Reading(delimiter, quote, escape, *rest, encoding=wishes.encoding), text)
        for quote, escape in _quotings(wishes, text)
        for delimiter in delimiters
        if delimiter != quote
    ]
    even = [way for way in ways if way.is_even and len(way.header) > 1]
    split = max(ways, key=lambda way: len(way.header))
    plain = next((way for way in ways if way.is_even), split)
    chosen = (even or [split if len(split.header) > 1 else plain])[0]
    return chosen.reading


def check_header(file: str, header: list[str] | None, reading: Reading) -> list[str]:
    """The names of a CSV's columns.

    Raises:
        UnusableFiles: it does not begin with them.
    """
    line = 1 + reading.skip_lines
    if header is None and Path(file).stat().st_size > MAX_HEADER_BYTES:
        raise UnusableFiles(
            f"{file}, line {line}: the header has more than {MAX_HEADER_BYTES:,} bytes, or has no end.", file
        )
    if not header or not all(header):
        raise UnusableFiles(f"{file}, line {line}: a CSV begins with a header row that names every column.", file)
    if len(header) > MAX_COLUMNS:
        raise UnusableFiles(
            f"{file}, line {line}: the header names {len(header):,} columns; a table has up to {MAX_COLUMNS:,}.",
            file,
        )
    if len(header) == 1 and not _says_so(Path(file)):
        raise UnusableFiles(
            f"{file} is no table as far as can be seen: nothing in its name says so, and its first line names one "
            f"column. If it is one, give it a name that ends in .csv. {TABLES}",
            file,
        )
    repeated = [name for name, count in Counter(name.lower() for name in header).items() if count > 1]
    if repeated:
        raise UnusableFiles(
            f"{file}, line {line}: two columns have the same name (case does not count): '{repeated[0]}'. Rename one.",
            file,
        )
    return header


def name_partitions(columns: Sequence[Column], reading: Reading, file: str) -> tuple[Column, ...]:
    """The columns of files, and after them those that their folders name.

    Raises:
        UnusableFiles: a file has a column of that name.
    """
    held = {column.name.lower() for column in columns}
    for name in reading.partitions:
        if name.lower() in held:
            raise UnusableFiles(f"{file} has a column '{name}', and lies in a folder that names it. Rename one.")
    return (*columns, *(Column(name, "") for name in reading.partitions))


def check_wishes(wishes: Wishes) -> None:
    """Whether what an owner says of files can be.

    Raises:
        UnusableFiles: it cannot.
    """
    for what, value in (("separator", wishes.delimiter), ("quote", wishes.quote), ("escape", wishes.escape)):
        one = value is None or (what == "quote" and value == "") or (len(value) == 1 and value not in "\r\n\0")
        if not one or (value and what != "separator" and not value.isascii()):
            raise UnusableFiles(f"{value!r} is no {what}: it is one character, and no line end.")
    if wishes.delimiter is not None and wishes.delimiter in {wishes.quote, wishes.escape}:
        raise UnusableFiles("The separator is neither the quote nor the escape.")
    if wishes.skip_lines is not None and not 0 <= wishes.skip_lines <= _MAX_SKIPPED:
        raise UnusableFiles(f"Up to {_MAX_SKIPPED:,} lines may stand before the header.")
    for written, times in ((wishes.date_format, False), (wishes.timestamp_format, True)):
        if written:
            try:
                date_pattern(written, times=times)
            except ValueError as error:
                raise UnusableFiles(str(error)) from None


def _quotings(wishes: Wishes, text: str) -> list[tuple[str, str]]:
    """Quotes and escapes that are tried, the likeliest first."""
    if wishes.quote is not None:
        return [(wishes.quote, wishes.escape or wishes.quote)]
    if wishes.escape is not None:
        return [('"', wishes.escape)]
    header = next((line.strip() for line in text_lines(text) if line.strip()), "")
    if len(header) > 1 and header[0] == header[-1] == "'":
        return [("'", "'"), ('"', '"')]
    return [('"', '"'), ('"', "\\")] if '\\"' in text else [('"', '"')]


def _says_so(file: Path) -> bool:
    """Whether a file is called as a CSV is."""
    return unpacked_name(file).suffix.lower() in _NAMED


def _blank_lines(text: str) -> int:
    return next((count for count, line in enumerate(text_lines(text)) if line.strip()), 0)


@dataclass(frozen=True, slots=True)
class _Way:
    """A way to read a text."""

    reading: Reading
    text: str

    @property
    def header(self) -> list[str]:
        return next(self._records(), [])

    @property
    def is_even(self) -> bool:
        """Whether every record has as many fields as the header."""
        whole = self.text
        if len(whole.encode()) >= MAX_HEADER_BYTES:
            # The last record may be cut.
            whole = whole[: whole.rfind("\n") + 1]
        try:
            found = list(islice(records(text_lines(whole), self.reading), _SAMPLE_RECORDS))
        except csv.Error:
            return False
        return bool(found) and all(len(record) in {0, len(found[0])} for record in found)

    def _records(self) -> Iterator[list[str]]:
        try:
            for record in records(text_lines(self.text), self.reading):
                yield column_names(record) if record else record
        except csv.Error:
            return
