"""Holding SeaweedFS still for a moment, so that what it keeps is as of that moment, for a backup.

It is stopped (SIGSTOP) and let go on, by whoever makes the backup: another process than the server. While it stands
still, its files are what another one would start from had it been killed then, which it is good for. What the killed
maker of a backup leaves still, the server lets go on (`let_go_on`).
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

OBJECTS: Final = "objects"
"""What it keeps, in its folder."""
LOCK: Final = "still.lock"
"""Locked by whoever holds it still."""
PROGRAM: Final = "weed"
STOP_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 0.002
_STOPPED: Final = frozenset("Tt")


class NotStill(Exception):
    """It could not be held still. The message is a sentence or two for the operator."""


@contextmanager
def held_still(folder: Path) -> Iterator[None]:
    """While this lasts, nothing changes in the folder of an S3 beside the server, whether or not it runs.

    Raises:
        NotStill: another one holds it, it does not stand still, or it did not for all of this; then what was read
            meanwhile is not as of one moment.
    """
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotStill("Another backup of the same folder is being made. Wait for it.") from None
        pids = _found(folder)
        handles = [os.pidfd_open(pid) for pid in pids]
        try:
            for handle in handles:
                _send(handle, signal.SIGSTOP)
            _wait_until_still(pids)
            yield
            if _found(folder) != pids or not all(map(_is_still, pids)):
                raise NotStill("The S3 beside the server was started or ended meanwhile. Make the backup again.")
        finally:
            for handle in handles:
                _send(handle, signal.SIGCONT)
                os.close(handle)


def let_go_on(folder: Path) -> None:
    """Let it go on where it stands still and nobody holds it."""
    try:
        lock = (folder / LOCK).open("r")
    except FileNotFoundError:
        return
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        for pid in _found(folder):
            if _is_still(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


def _found(folder: Path) -> list[int]:
    """The processes that work in that folder, wherever they see it: one, or none where it does not run."""
    here = folder.stat()
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _works_in(pid, here)]  # noqa: PTH208


def _works_in(pid: int, folder: os.stat_result) -> bool:
    try:
        if Path(f"/proc/{pid}/comm").read_text().strip() != PROGRAM:
            return False
        return os.path.samestat(os.stat(f"/proc/{pid}/cwd"), folder)  # noqa: PTH116 - a link of the kernel's
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # another user's works in no folder of ours
        return False


def _wait_until_still(pids: list[int]) -> None:
    until = time.monotonic() + STOP_SECONDS
    while not all(map(_is_still, pids)):
        if time.monotonic() > until:
            raise NotStill("The S3 beside the server does not stand still. Make the backup again.")
        time.sleep(_LOOK_SECONDS)


def _is_still(pid: int) -> bool:
    """Whether every thread of it has stopped."""
    try:
        states = [_state(file) for file in Path(f"/proc/{pid}/task").glob("*/stat")]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return bool(states) and _STOPPED.issuperset(states)


def _state(file: Path) -> str:
    try:
        return file.read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # a thread that has ended since
        return "T"


def _send(handle: int, sent: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, sent)
