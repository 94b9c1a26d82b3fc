"""What a container writes: from the engine's one stream to the lines of a run's log.

Imported by the supervisor: nothing slow to import.
"""

from __future__ import annotations

import os

from whiteroom.runtime.supervisor.logs import LineSplitter
from whiteroom.runtime.supervisor.records import now_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from whiteroom.runtime.supervisor.logs import LogWriter

_READ_BYTES = 1 << 16
_FIRST_WORDS = 4096
_HEADER_BYTES = 8


class Frames:
    """Cuts what `Calls.attach` reads into pieces of stdout and stderr."""

    def __init__(self) -> None:
        self._held = b""
        self._stream, self._left = "stdout", 0

    def feed(self, data: bytes) -> Iterator[tuple[str, bytes]]:
        """The pieces in `data`, each with its stream. A header may come in parts."""
        self._held += data
        while self._held:
            if not self._left:
                if len(self._held) < _HEADER_BYTES:
                    return
                # Stream, three zeros, length: the engine's own words, not the program's.
                self._stream = "stderr" if self._held[0] == 2 else "stdout"
                self._left = int.from_bytes(self._held[4:_HEADER_BYTES], "big")
                self._held = self._held[_HEADER_BYTES:]
                continue
            piece, self._held = self._held[: self._left], self._held[self._left :]
            self._left -= len(piece)
            yield self._stream, piece


class Output:
    """The output of one container on its way to the log."""

    def __init__(self, handle: int, host: str, log: LogWriter, line_characters: int) -> None:
        """Take over a descriptor.

        Args:
            handle: from `Calls.attach`.
            host: whose words they are.
            log: takes the lines.
            line_characters: how much of one line the log keeps.
        """
        self.first_words = b""
        """How stderr began."""
        self._handle, self._host = handle, host
        self._log = log
        self._frames = Frames()
        self._splitters = {stream: LineSplitter(4 * line_characters) for stream in ("stdout", "stderr")}

    def pump(self) -> bool:
        """Move what can be read to the log; False at the end of the stream."""
        try:
            data = os.read(self._handle, _READ_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        lines: dict[str, list[bytes]] = {}
        for stream, piece in self._frames.feed(data):
            if stream == "stderr" and len(self.first_words) < _FIRST_WORDS:
                self.first_words += piece
            lines.setdefault(stream, []).extend(self._splitters[stream].feed(piece, now_ms()))
        for stream, found in lines.items():
            self._log.add(now_ms(), self._host, stream, found)
        return bool(data)

    def close(self) -> None:
        """Keep what is at the end without a line end, and close the stream."""
        for stream, splitter in self._splitters.items():
            self._log.add(now_ms(), self._host, stream, splitter.finish())
        os.close(self._handle)
