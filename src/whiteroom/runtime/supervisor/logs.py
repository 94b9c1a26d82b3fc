"""A run's log: what its program wrote, line by line, as JSON lines in a file that outlives it.

`LogWriter` is the supervisor's, `read` the server's.
"""

from __future__ import annotations

import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_READ_BYTES = 1 << 20
_STATE_MS = 1000


class LogWriter:
    """Appends lines to a log that has a size beyond which only the platform's own notes are kept."""

    def __init__(self, path: str, *, limit_bytes: int, line_characters: int) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        self._limit_bytes = limit_bytes
        self._line_characters = line_characters
        self._written = os.fstat(self._file).st_size
        self._last_ms = 0
        self._full = False
        self._lost_lines = 0
        self._torn = False
        """Whether the last line is cut off, since the disk was full in the middle of it."""
        self._host = ""

    def close(self) -> None:
        """Close the file."""
        if self._lost_lines:
            self._append([], self._last_ms, self._host)
        os.close(self._file)

    def note(self, at_ms: int, host: str, text: str) -> None:
        """Add a line of the platform's own, limit or not."""
        self._append([self._encoded(at_ms, host, "platform", text)], at_ms, host)

    def add(self, at_ms: int, host: str, stream: str, lines: list[bytes]) -> None:
        """Add lines that the program on `host` wrote."""
        if self._full or not lines:
            return
        batch = []
        size = 0
        for line in lines:
            encoded = self._encoded(at_ms, host, stream, self._text(line))
            size += len(encoded)
            if self._written + size > self._limit_bytes:
                self._full = True
                break
            batch.append(encoded)
        self._append(batch, at_ms, host)
        if self._full:
            self.note(
                at_ms, host, f"The log has reached {self._limit_bytes:,} bytes; the rest of the output is not kept."
            )

    def _text(self, line: bytes) -> str:
        # A bare CR overwrites the line on a terminal (progress bars): the last version is the line.
        line = line.rstrip(b"\r")
        line = line[line.rfind(b"\r") + 1 :]
        text = line[: self._line_characters * 4].decode(errors="replace")
        if len(text) > self._line_characters or len(line) > self._line_characters * 4:
            return text[: self._line_characters] + f" [cut at {self._line_characters:,} characters]"
        return text

    def _encoded(self, at_ms: int, host: str, stream: str, text: str) -> bytes:
        # Readers look lines up by time: it must not fall from line to line where the machine's clock was set back.
        at_ms = self._last_ms = max(at_ms, self._last_ms)
        return (
            f'{{"at_ms":{at_ms},"stream":"{stream}","text":{json.dumps(text)},"host":{json.dumps(host)}}}\n'
        ).encode()

    def _append(self, lines: list[bytes], at_ms: int, host: str) -> None:
        """Write lines. What a full disk does not take is lost, and said once there is room: the run goes on."""
        note = []
        if self._lost_lines:
            text = f"{self._lost_lines:,} lines of this log are lost: the server's disk was full."
            note = [self._encoded(at_ms, host, "platform", text)]
        self._host = host
        data = b"\n" * self._torn + b"".join(note + lines)
        try:
            written = os.write(self._file, data)
        except OSError:
            written = 0
        self._written += written
        whole = max(0, data[:written].count(b"\n") - self._torn)
        if written:
            self._torn = data[written - 1] != ord("\n")
        if note and whole:
            self._lost_lines, whole = 0, whole - 1
        self._lost_lines += len(lines) - whole


class LineSplitter:
    """Cuts a stream of bytes into lines, holding no more than a line that is worth keeping."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held = b""
        self._skipping = False
        self._state_ms: int | None = None
        """When a state of a progress bar was last a line."""

    def feed(self, data: bytes, at_ms: int | None = None) -> list[bytes]:
        """The lines that `data` completes, without their ends.

        Args:
            data: what came.
            at_ms: when. A line that overwrites itself with CR, as progress bars do, then gives what it last said as a
                line, once a second at most: a program that draws ten a second for a day would fill the log.
        """
        *lines, rest = data.split(b"\n")
        if lines:
            lines[0] = self._held + lines[0]
            self._held = b""
            if self._skipping:
                del lines[0]
                self._skipping = False
        if self._skipping:
            return lines
        self._held += rest
        if len(self._held) > self._limit_bytes:
            # First what a progress bar has overwritten itself, then the line's end.
            self._held = self._held[self._held.rstrip(b"\r").rfind(b"\r") + 1 :]
        if len(self._held) > self._limit_bytes:
            lines.append(self._held)
            self._held = b""
            self._skipping = True
        if at_ms is not None:
            lines += self._states(at_ms)
        return lines

    def _states(self, at_ms: int) -> list[bytes]:
        """The last thing that a line said before it began to overwrite it, where it is time for one."""
        end = self._held.rstrip(b"\r").rfind(b"\r")
        if end < 0 or (self._state_ms is not None and 0 <= at_ms - self._state_ms < _STATE_MS):
            return []
        said = [state for state in self._held[:end].split(b"\r") if state.strip()]
        self._held = self._held[end + 1 :]
        if said:
            self._state_ms = at_ms
        return said[-1:]

    def finish(self) -> list[bytes]:
        """What is at the end without a line end."""
        held, self._held = self._held, b""
        return [held] if held else []


def read(path: Path, after: int) -> Iterator[dict[str, object]]:
    """The complete lines of a log from line number `after` on; none if there is no log.

    A line that is not whole, as a crash of the machine can leave it, counts and reads as empty.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        for number, line in enumerate(file):
            if not line.endswith(b"\n"):
                return
            if number >= after:
                yield _decoded(line)


def _decoded(line: bytes) -> dict[str, object]:
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {}
