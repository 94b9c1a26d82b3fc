"""Answers of a model server: held until their turn, then joined in an output file. Standard library only."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from whiteroom.runtime.transform.buffers import Buffers

_PIECE: Final = 256 << 10


class Answer:
    """One answer's body: in memory up to a limit, in a file beyond it."""

    def __init__(self, folder: Path, buffers: Buffers, held_bytes: int) -> None:
        """Hold nothing yet.

        Args:
            folder: where a large answer waits, in a file without a name.
            buffers: the memory that it is held in.
            held_bytes: how much is held in memory.
        """
        self.size_bytes = 0
        self._folder = folder
        self._buffers = buffers
        self._held_bytes = held_bytes
        self._held: list[bytearray] = []
        self._filled = buffers.size_bytes
        """How much of the last buffer."""
        self._file: IO[bytes] | None = None
        self._last = b""

    def room(self) -> memoryview:
        """Where the next bytes go; `took` says how many came."""
        if self._filled == self._buffers.size_bytes:
            if len(self._held) * self._buffers.size_bytes >= self._held_bytes:
                self._spill()
            self._held.append(self._buffers.take())
            self._filled = 0
        return memoryview(self._held[-1])[self._filled :]

    def took(self, size: int) -> None:
        """So many bytes of the room are filled."""
        self.size_bytes += size
        self._filled += size
        self._last = bytes(self._held[-1][self._filled - 1 : self._filled])

    @property
    def ends_line(self) -> bool:
        """Whether its last byte is a line feed."""
        return self._last == b"\n"

    def parts(self) -> Iterator[memoryview | bytes]:
        """The whole body, in pieces to be used before the next one is asked for."""
        if self._file is not None:
            self._file.seek(0)
            while piece := self._file.read(_PIECE):
                yield piece
        yield from self._in_memory()

    def close(self) -> None:
        """Let go of it."""
        for buffer in self._held:
            self._buffers.give(buffer)
        self._held, self._filled = [], self._buffers.size_bytes
        if self._file is not None:
            self._file.close()

    def _in_memory(self) -> Iterator[memoryview]:
        for buffer in self._held[:-1]:
            yield memoryview(buffer)
        for buffer in self._held[-1:]:
            yield memoryview(buffer)[: self._filled]

    def _spill(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by close
        for part in self._in_memory():
            self._file.write(part)
        for buffer in self._held:
            self._buffers.give(buffer)
        self._held = []


class Output:
    """The output file being written: under a name of its own until it is whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._part: IO[bytes] | None = None
        self._path: Path | None = None

    def append(self, file: str, answer: Answer, *, end_line: bool) -> None:
        """Add one answer; `end_line` sees to a line feed at its end (AssembleWith Line)."""
        part = self._open(file)
        for piece in answer.parts():
            part.write(piece)
        if end_line and answer.size_bytes and not answer.ends_line:
            part.write(b"\n")

    def commit(self, file: str) -> None:
        """Give the output its name; a file that had no payload gets an empty one."""
        part = self._open(file)
        part.close()
        if self._path is not None:
            self._path.replace(self._folder / f"{file}.out")
        self._part = self._path = None

    def discard(self) -> None:
        """Leave nothing of an output that is not whole."""
        if self._part is not None and self._path is not None:
            with contextlib.suppress(OSError):
                # What could not be written before cannot be now.
                self._part.close()
            self._path.unlink(missing_ok=True)
        self._part = self._path = None

    def _open(self, file: str) -> IO[bytes]:
        if self._part is None:
            self._path = self._folder / f".{file}.part"
            self._path.unlink(missing_ok=True)
            self._part = self._path.open("xb")
        return self._part
