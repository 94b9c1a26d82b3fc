"""ports.RunLogs over the files that supervisors write (supervisor/logs.py): a place is a position in bytes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from whiteroom.domain.execution.runs import LogLine, RunId
from whiteroom.ports.run_logs import PlacedLine

_CHUNK_BYTES = 1 << 16
_RUN_ID = re.compile(r"[a-z0-9-]+")


class FolderRunLogs:
    """One file of JSON lines a run, in one folder. Holds a line and a chunk in memory, however long the log is."""

    def __init__(self, folder: Path, key: bytes = b"") -> None:
        """Read the logs in `folder`.

        Args:
            folder: where supervisors write them.
            key: the secret of the deployment, where anybody is to be given places in them.
        """
        self._folder = folder
        self._key = key

    def forward(self, run_id: RunId, start: int) -> Iterator[PlacedLine]:
        """See ports.RunLogs."""
        file = self._open(run_id)
        if file is None:
            return
        with file:
            place = _line_start(file, min(start, file.seek(0, os.SEEK_END)))
            for raw in file:
                if not raw.endswith(b"\n"):
                    return
                yield PlacedLine(place, place + len(raw), _decoded(raw))
                place += len(raw)

    def backward(self, run_id: RunId, end: int) -> Iterator[PlacedLine]:
        """See ports.RunLogs."""
        file = self._open(run_id)
        if file is None:
            return
        with file:
            place = at = _line_start(file, min(end, _end(file)))
            held = b""
            while at > 0:
                size = min(_CHUNK_BYTES, at)
                at -= size
                file.seek(at)
                lines = [line + b"\n" for line in (file.read(size) + held).split(b"\n")[:-1]]
                # The first may have begun in the chunk before.
                held = lines.pop(0) if at and lines else b""
                for raw in reversed(lines):
                    place -= len(raw)
                    yield PlacedLine(place, place + len(raw), _decoded(raw))

    def end(self, run_id: RunId) -> int:
        """See ports.RunLogs."""
        file = self._open(run_id)
        if file is None:
            return 0
        with file:
            return _end(file)

    def first_at(self, run_id: RunId, at_ms: int) -> int:
        """See ports.RunLogs."""
        file = self._open(run_id)
        if file is None:
            return 0
        with file:
            # Every line that begins before `low` is older; `high` is past the first one that is not.
            low, high = 0, _end(file)
            while high - low > _CHUNK_BYTES:
                middle = _line_start(file, (low + high) // 2)
                raw = file.readline()
                if middle >= high or not raw.endswith(b"\n"):
                    high = (low + high) // 2
                elif _decoded(raw).at_ms < at_ms:
                    low = middle + len(raw)
                else:
                    high = (low + high) // 2
            file.seek(low)
            for raw in file:
                if not raw.endswith(b"\n") or _decoded(raw).at_ms >= at_ms:
                    break
                low += len(raw)
            return low

    def key(self) -> bytes:
        """See ports.RunLogs."""
        return self._key

    def _open(self, run_id: RunId) -> BinaryIO | None:
        if not _RUN_ID.fullmatch(run_id):
            raise ValueError(f"{run_id!r} is not a run's id.")
        try:
            return (self._folder / f"{run_id}.jsonl").open("rb")
        except FileNotFoundError:
            return None


def _line_start(file: BinaryIO, place: int) -> int:
    """Go to the first line that begins at `place` or after it; answers where that is."""
    if place <= 0:
        file.seek(0)
        return 0
    file.seek(place - 1)
    return place - 1 + len(file.readline())


def _end(file: BinaryIO) -> int:
    """Where the last complete line ends."""
    at = file.seek(0, os.SEEK_END)
    while at > 0:
        size = min(_CHUNK_BYTES, at)
        file.seek(at - size)
        found = file.read(size).rfind(b"\n")
        if found >= 0:
            return at - size + found + 1
        at -= size
    return 0


def _decoded(raw: bytes) -> LogLine:
    """A line that is not whole, as a crash of the machine can leave it, reads as an empty one."""
    try:
        value = json.loads(raw)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        return LogLine(0, "platform", "", "")
    at_ms, stream, text, host = (value.get(name) for name in ("at_ms", "stream", "text", "host"))
    return LogLine(at_ms if isinstance(at_ms, int) else 0, str(stream or "platform"), str(text or ""), str(host or ""))
