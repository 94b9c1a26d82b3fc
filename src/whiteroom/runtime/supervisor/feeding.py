"""Pipe mode: a channel's bytes through one FIFO an epoch, for as long as the program asks.

`<channel>_0` is there before the program starts. It waits in a child of the supervisor for
a reader; the next one appears before the end of this one can be read, so that a program
that opens it at once finds it. A reader that closes early ends its epoch, no more.

Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH108, PTH112, PTH208
from __future__ import annotations

import fcntl
import os
import signal

from whiteroom.runtime.supervisor import namespaces
from whiteroom.runtime.supervisor.children import signal_child

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from whiteroom.runtime.spec import Pipe

_PIPE_BYTES = 1 << 20
"""What a pipe holds; also the most that a user who is not root may ask for, by default."""
_SEND_BYTES = 1 << 30


class Feeder:
    """The process that feeds every FIFO of a run."""

    def __init__(self, pipes: tuple[Pipe, ...]) -> None:
        """Make the first epoch's FIFOs and start feeding. The calling process must have one thread."""
        self._folders = {folder for folder, _, _ in pipes}
        for folder, channel, _ in pipes:
            _make(folder, channel, 0)
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                namespaces.die_with_parent(parent)
                _feed_all(pipes)
            except BaseException as problem:  # noqa: BLE001 - a fork must never return into the supervisor
                os.write(2, f"feeding: {problem!r}\n".encode())
            os._exit(1)
        self.ended = os.pidfd_open(self._pid)
        """Becomes readable when a channel could not be read: it never ends by itself otherwise."""

    def failure(self) -> tuple[str, str]:
        """Why it ended: the reason (EndReason's value) and the message."""
        ended = os.waitid(os.P_PIDFD, self.ended, os.WEXITED | os.WNOWAIT)
        if ended is not None and ended.si_code != os.CLD_EXITED:
            return "machine", "What feeds the input channels was killed."
        return "platform", "The files of an input channel could not be read."

    def close(self) -> None:
        """Stop feeding and take the FIFOs away; the supervisor reaps it with everything else."""
        signal_child(self._pid, signal.SIGKILL)
        os.waitid(os.P_PIDFD, self.ended, os.WEXITED | os.WNOWAIT)
        os.close(self.ended)
        for folder in self._folders:
            for name in os.listdir(folder):
                # Folders among them are where channels of other modes are mounted.
                if not os.path.isdir(f"{folder}/{name}"):
                    os.unlink(f"{folder}/{name}")


def _feed_all(pipes: tuple[Pipe, ...]) -> NoReturn:
    from threading import Thread  # noqa: PLC0415

    for pipe in pipes[1:]:
        Thread(target=_feed, args=pipe, daemon=True).start()
    _feed(*pipes[0])


def _feed(folder: str, channel: str, files: tuple[str, ...]) -> NoReturn:
    """Feed one channel, epoch after epoch."""
    from contextlib import suppress  # noqa: PLC0415

    epoch = 0
    try:
        while True:
            # Waits until somebody opens it; a program that never does is none of our concern.
            handle = os.open(f"{folder}/{channel}_{epoch}", os.O_WRONLY | os.O_CLOEXEC)
            # A user who has too many large pipes gets a small one: slower, and as good.
            with suppress(PermissionError):
                fcntl.fcntl(handle, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            # A reader that closes early has what it wanted.
            with suppress(BrokenPipeError):
                for file in files:
                    _send(file, handle)
            _make(folder, channel, epoch + 1)
            os.unlink(f"{folder}/{channel}_{epoch}")
            os.close(handle)
            epoch += 1
    except BaseException as problem:  # noqa: BLE001 - one channel's failure ends the process, whichever the thread
        os.write(2, f"feeding {channel}: {problem!r}\n".encode())
        os._exit(1)


def _send(file: str, handle: int) -> None:
    source = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while os.sendfile(handle, source, None, _SEND_BYTES):
            continue
    finally:
        os.close(source)


def _make(folder: str, channel: str, epoch: int) -> None:
    # Readable at once (the supervisor's mask takes nothing of it away): the program may be another user.
    os.mkfifo(f"{folder}/{channel}_{epoch}", 0o644)
