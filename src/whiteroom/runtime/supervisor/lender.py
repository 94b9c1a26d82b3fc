"""The supervisor's end of what lends channels to a run: it takes open devices, and says what cannot be read.

The other end is the data's own (ports.LocalData.lend). Imported by the supervisor: nothing slow to import.
"""

from __future__ import annotations

import os

from whiteroom.runtime import spec as specs

_READY_SECONDS = 120.0
"""So long it may take to be there: it is a process that starts on a machine that may be busy."""
_WORDS_BYTES = 1 << 16
DIED = "What reads the input channels was killed."


class MachineFailed(Exception):
    """What serves the run died, for no fault of the run's. The message is for the model's owner and the operator."""


class Lender:
    """The connection to it. It ends with this process, or when it is closed."""

    def __init__(self) -> None:
        """Connect; the current folder is the run's.

        Raises:
            MachineFailed: it is dead.
        """
        import socket  # noqa: PLC0415 - most runs are lent nothing

        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._words = b""
        self.is_over = False
        """Whether it is dead, and has nothing more to say."""
        try:
            self._socket.connect(specs.LENDER_SOCKET)
        except OSError as problem:
            raise MachineFailed(DIED) from problem
        self.output = self._socket.fileno()
        """Becomes readable when it has something to say, or is dead."""

    def hand(self, devices: list[int]) -> None:
        """Have it serve folders that are mounted by these descriptors, which are closed here.

        Raises:
            MachineFailed: it died.
        """
        import socket  # noqa: PLC0415

        try:
            for device in devices:
                socket.send_fds(self._socket, [b"."], [device])
                os.close(device)
            self._socket.settimeout(_READY_SECONDS)
            ready = self._socket.recv(_WORDS_BYTES)
            self._socket.settimeout(None)
        except OSError as problem:
            raise MachineFailed(DIED) from problem
        if not ready:
            raise MachineFailed(DIED)

    def hear(self) -> list[tuple[str, str]]:
        """What it has said, as reasons (EndReason's values) and messages: why the run cannot go on."""
        import json  # noqa: PLC0415

        try:
            words = self._socket.recv(_WORDS_BYTES)
        except OSError:
            words = b""
        if not words:
            self.is_over = True
            return [("machine", DIED)]
        *lines, self._words = (self._words + words).split(b"\n")
        said = [json.loads(line) for line in lines]
        return [("machine" if one["may_pass"] else "platform", str(one["message"])) for one in said]

    def close(self) -> None:
        """Let go of it: reads that still wait for it fail."""
        self._socket.close()
