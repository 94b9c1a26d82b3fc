"""Cutting an input file into the payloads of its requests. Standard library only (see client.py).

A CSV file is cut between records, never inside one: a line feed within a quoted field ends
nothing. Quotes are counted, which is exact for what RFC 4180 describes (a quote inside a
field is doubled) and needs no parsing of the rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from whiteroom.runtime.transform.buffers import Buffers

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
    """The body of one request, and where it is in its file."""

    first_byte: int
    data: bytes | memoryview
    buffer: bytearray | None = None
    """What `data` is in, where it is to be used again."""

    @property
    def last_byte(self) -> int:
        """Inclusive, as in an HTTP range."""
        return self.first_byte + len(self.data) - 1


def csv_payloads(file: Path, buffers: Buffers, *, header: bool) -> Iterator[Payload]:
    """As many whole records as fit in each payload, in order; together they are the file, byte for byte.

    The header row is where it is in the file: in the first payload alone. A file
    without records (empty, blank lines, a header row alone) gives no payload, since there
    is nothing to transform; nor does a stretch of blank lines.

    Args:
        file: what is cut.
        buffers: take a byte more than a payload may hold; whoever is done with a payload gives its buffer back.
        header: whether the file begins with a header row.

    Raises:
        TooLargeToSend: a record is larger than a payload. Payloads before it were given.
    """
    limit_bytes = buffers.size_bytes - 1
    with file.open("rb", buffering=0) as source:
        first_byte = 0
        while True:
            buffer = buffers.take()
            held = _read(source.fileno(), buffer, first_byte)
            if held == 0 or (
                header and not first_byte and held <= limit_bytes and not _has_rows(bytes(memoryview(buffer)[:held]))
            ):
                buffers.give(buffer)
                return
            # What is left of a record is read once more with the next payload: that is cheaper than to copy either.
            size = held if held <= limit_bytes else _last_record_end(buffer, limit_bytes)
            if size == 0:
                raise TooLargeToSend(
                    first_byte,
                    first_byte + limit_bytes,
                    f"a record is larger than the payload limit of {limit_bytes:,} bytes",
                )
            payload = memoryview(buffer)[:size]
            if _is_blank(payload):
                buffers.give(buffer)
            else:
                yield Payload(first_byte, payload, buffer)
            first_byte += size


def _read(source: int, buffer: bytearray, first_byte: int) -> int:
    """Fill the buffer from there on, as far as the file goes; how much it holds."""
    view, held = memoryview(buffer), 0
    # Not every file system gives all it has at once.
    while got := os.preadv(source, [view[held:]], first_byte + held):
        held += got
        if held == len(buffer):
            break
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
    # To look for a first one is five times as fast as to count.
    quotes = data.count(b'"', 0, end) if data.find(b'"', 0, end) >= 0 else 0
    while end and quotes % 2:
        before = data.rfind(b"\n", 0, end - 1) + 1
        quotes -= data.count(b'"', before, end)
        end = before
    return end


def _is_blank(data: memoryview) -> bool:
    """Whether there is nothing but line ends (and the mark that may begin a file)."""
    blank = b"\r\n" + _BOM
    return not bytes(data[:64]).strip(blank) and not bytes(data).strip(blank)  # the second copies all of it


def _has_rows(data: bytes) -> bool:
    """Whether anything follows the header row of a file that `data` is the whole of."""
    body = data.removeprefix(_BOM).lstrip(b"\r\n")
    end = body.find(b"\n") + 1
    while end and body.count(b'"', 0, end) % 2:
        end = body.find(b"\n", end) + 1
    return bool(end and body[end:].strip(b"\r\n"))
