"""Compressed files: recognised by their first bytes, and unpacked."""

from __future__ import annotations

import bz2
import io
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import zstandard
from isal import igzip, isal_zlib


class Packing(StrEnum):
    """A compression, under its file name extension."""

    GZIP = ".gz"
    """Members with a sum each, as gzip and most programs write it."""
    BZIP2 = ".bz2"
    """Likewise of bzip2."""
    ZSTD = ".zst"
    """Frames, with sums where their writer wanted them."""


_MAGIC: tuple[tuple[bytes, Packing], ...] = (
    (b"\x1f\x8b", Packing.GZIP),
    (b"BZh", Packing.BZIP2),
    (b"\x28\xb5\x2f\xfd", Packing.ZSTD),
    *((bytes([0x50 + number, 0x2A, 0x4D, 0x18]), Packing.ZSTD) for number in range(16)),
)
"""A file in zstd may begin with a frame that is skipped."""
_MAGIC_BYTES = 4
_EXTENSIONS = frozenset({*Packing, ".zstd"})
_CHUNK_BYTES = 1 << 16
_PACKED_BYTES = 1 << 10
"""Of so much zstd makes 32 MiB at most."""
BOMB_TIMES, BOMB_BYTES = 2_000, 1 << 28
"""What unpacks to so many times its size, and to so much, is no table."""

DAMAGED = "it is damaged or cut"


class CannotUnpack(OSError):
    """What is packed in a file cannot be had. The message says why, in words that go behind its name."""


class _Member(Protocol):
    """One member of a file, as `bz2.BZ2Decompressor` reads it."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


def packing_of(start: bytes) -> Packing | None:
    """How a file is compressed that begins so; None where it is not."""
    return next((packing for magic, packing in _MAGIC if start.startswith(magic)), None)


def packing_of_file(file: Path) -> Packing | None:
    """Likewise of a file.

    Raises:
        OSError: it cannot be read.
    """
    with file.open("rb") as stream:
        return packing_of(stream.read(_MAGIC_BYTES))


def unpacked_name(file: Path) -> Path:
    """The name of a file without what says how it is compressed."""
    return file.with_suffix("") if file.suffix.lower() in _EXTENSIONS else file


@contextmanager
def unpacked(file: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, or where it is compressed those that are packed in it, all its members one after the other.

    Raises:
        CannotUnpack: here, or by reading: it is damaged or cut, something is behind it, or it never ends.
        OSError: it cannot be read.
    """
    packing = packing_of_file(file)
    with file.open("rb") as stream:
        if packing is None:
            yield stream
        else:
            yield io.BufferedReader(_Checked(_opened(stream, packing), os.fstat(stream.fileno()).st_size), _CHUNK_BYTES)


def _opened(stream: BinaryIO, packing: Packing) -> BinaryIO:
    if packing is Packing.GZIP:
        return cast("BinaryIO", igzip.IGzipFile(fileobj=stream))  # type: ignore[no-untyped-call]  # isal has none
    return cast("BinaryIO", _Members(stream, bz2.BZ2Decompressor if packing is Packing.BZIP2 else _ZstdMember))


class _ZstdMember:
    """A frame of zstd."""

    needs_input = True

    def __init__(self) -> None:
        self._fault = zstandard.ZstdError
        self._frame = zstandard.ZstdDecompressor().decompressobj()

    @property
    def eof(self) -> bool:
        return bool(self._frame.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._frame.unused_data)

    def decompress(self, data: bytes, _max_length: int = -1, /) -> bytes:
        try:
            return bytes(self._frame.decompress(data))
        except self._fault:
            raise CannotUnpack(DAMAGED) from None


class _Members(io.RawIOBase):
    """The members of a compressed file, each read to its end: the decompressors' own files pass over a cut one."""

    def __init__(self, stream: BinaryIO, begin: Callable[[], _Member]) -> None:
        self._stream = stream
        self._begin = begin
        self._member: _Member | None = None
        self._packed = b""
        self._ready = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready and self._fill():
            pass
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size

    def _fill(self) -> bool:
        """Unpack some more; whether there is any."""
        if not self._packed and (self._member is None or self._member.needs_input):
            self._packed = self._stream.read(_PACKED_BYTES)
            if not self._packed:
                if self._member is not None:
                    raise CannotUnpack(DAMAGED)
                return False
        self._member = self._member or self._begin()
        self._ready = self._member.decompress(self._packed, _CHUNK_BYTES)
        self._packed = b""
        if self._member.eof:
            self._packed, self._member = self._member.unused_data, None
        return True


_FAULTS: tuple[type[Exception], ...] = (
    OSError,
    EOFError,
    ValueError,
    zlib.error,
    cast("type[Exception]", isal_zlib.error),
)


class _Checked(io.RawIOBase):
    """What is unpacked, as long as it is not without end; whatever fails is CannotUnpack."""

    def __init__(self, stream: BinaryIO, packed_bytes: int) -> None:
        self._stream = stream
        self._most_bytes = max(BOMB_BYTES, packed_bytes * BOMB_TIMES)
        self._read_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except CannotUnpack:
            raise
        except _FAULTS:
            raise CannotUnpack(DAMAGED) from None
        self._read_bytes += len(data)
        if self._read_bytes > self._most_bytes:
            raise CannotUnpack(
                f"it unpacks to more than {self._most_bytes:,} bytes, which no table does that is packed so small; "
                "if it is one, unpack it"
            )
        buffer[: len(data)] = data
        return len(data)
