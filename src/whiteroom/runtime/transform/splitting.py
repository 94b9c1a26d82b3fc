"""Cutting an input file into the payloads of its requests. Standard library only (see transform.py).

A CSV file is cut between records, never inside one: a line feed within a quoted field ends
nothing. Quotes are counted, which is exact for what RFC 4180 describes (a quote inside a
field is doubled) and needs no parsing of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

_BOM: Final = b"\xef\xbb\xbf"


class TooLargeToSend(Exception):
    """A record, or a file that cannot be cut, is larger than a payload may be."""

    def __init__(self, first_byte: int, last_byte: int, what: str) -> None:
        super().__init__(what)
        self.first_byte = first_byte
        self.last_byte = last_byte
        self.what = what


@dataclass(frozen=True, slots=True)
class Payload:
    """The body of one request, and where it lies in its file."""

    first_byte: int
    data: bytes

    @property
    def last_byte(self) -> int:
        """Inclusive, as in an HTTP range."""
        return self.first_byte + len(self.data) - 1


def csv_payloads(file: Path, limit_bytes: int, *, header: bool) -> Iterator[Payload]:
    """As many whole records as fit in each payload, in order; together they are the file, byte for byte.

    The header row stands where it stands in the file: in the first payload alone. A file
    without records (empty, blank lines, a header row alone) gives no payload, since there
    is nothing to transform; nor does a stretch of blank lines.

    Raises:
        TooLargeToSend: a record is larger than `limit_bytes`. Payloads before it were given.
    """
    # One buffer, filled again and again: fresh memory for every payload would cost more than the cutting.
    buffer = bytearray(limit_bytes + 1)
    view = memoryview(buffer)
    with file.open("rb", buffering=0) as source:
        held = _fill(source, view, 0)
        if header and held <= limit_bytes and not _has_rows(bytes(view[:held])):
            return
        first_byte = 0
        while held:
            size = held if held <= limit_bytes else _last_record_end(buffer, limit_bytes)
            if size == 0:
                raise TooLargeToSend(
                    first_byte,
                    first_byte + limit_bytes,
                    f"a record is larger than the payload limit of {limit_bytes:,} bytes",
                )
            data = bytes(view[:size])
            if not _is_blank(data):
                yield Payload(first_byte, data)
            first_byte += size
            left = held - size
            view[:left] = bytes(view[size:held])
            held = _fill(source, view, left)


def _fill(source: FileIO, view: memoryview, held: int) -> int:
    """Read on behind the first `held` bytes until the buffer is full or the file ends; gives back how many it holds."""
    while got := source.readinto(view[held:]):
        held += got
    return held


def whole_payload(file: Path, limit_bytes: int) -> Iterator[Payload]:
    """The file in one payload: for formats that cannot be cut. An empty file gives none.

    Raises:
        TooLargeToSend: the file is larger than `limit_bytes`.
    """
    with file.open("rb") as source:
        data = source.read(limit_bytes + 1)
    if len(data) > limit_bytes:
        raise TooLargeToSend(
            0,
            file.stat().st_size - 1,
            f"the file is sent whole and is larger than the payload limit of {limit_bytes:,} bytes",
        )
    if data:
        yield Payload(0, data)


def _last_record_end(data: bytearray, limit: int) -> int:
    """How many of the first `limit` bytes are whole records, `data` beginning with one; 0 if none ends there."""
    end = data.rfind(b"\n", 0, limit) + 1
    quotes = data.count(b'"', 0, end)
    while end and quotes % 2:
        before = data.rfind(b"\n", 0, end - 1) + 1
        quotes -= data.count(b'"', before, end)
        end = before
    return end


def _is_blank(data: bytes) -> bool:
    """Whether there is nothing but line ends (and the mark that may begin a file)."""
    blank = b"\r\n" + _BOM
    return not data[:64].strip(blank) and not data.strip(blank)  # the second copies all of it


def _has_rows(data: bytes) -> bool:
    """Whether anything follows the header row of a file that `data` is the whole of."""
    body = data.removeprefix(_BOM).lstrip(b"\r\n")
    end = body.find(b"\n") + 1
    while end and body.count(b'"', 0, end) % 2:
        end = body.find(b"\n", end) + 1
    return bool(end and body[end:].strip(b"\r\n"))
