"""Small files that a supervisor writes and reads back, whole or not at all.

Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH104, PTH119
from __future__ import annotations

import errno
import os
import time

from whiteroom.runtime.spec import END_FILE, draft_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_WRITE_AGAIN_SECONDS = 0.5
_FAILURE_CHARACTERS = 4096
"""More than statusDetails.message takes of it: what is at that cut must be recognised whole to be masked."""


def failure_text(folder: str) -> str:
    """What the program wrote to /opt/ml/output/failure: its beginning as it is, if it is a file at all.

    It is for `domain.container_logs.redacted_failure`, which cleans, masks and cuts it.
    """
    try:
        parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        # Non-blocking: a FIFO of that name would otherwise hold us for ever.
        handle = os.open("failure", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
    except OSError:
        return ""
    finally:
        os.close(parent)
    try:
        if os.fstat(handle).st_mode & 0o170000 != 0o100000:
            return ""
        return os.read(handle, 4 * _FAILURE_CHARACTERS).decode(errors="replace")[:_FAILURE_CHARACTERS]
    except OSError:
        return ""
    finally:
        os.close(handle)


def first_line(words: bytes) -> str:
    """Bubblewrap's first line, without host paths."""
    line = words.split(b"\n", 1)[0].decode(errors="replace")
    return " ".join("..." if "/" in word and not word.startswith("/opt/") else word for word in line.split())


def exec_failure(words: bytes, program: str) -> str | None:
    """Which error of the kernel's kept bubblewrap from starting the program; None if these are not its words of that.

    A program can write words like them, and every member reads what is made of them: nothing else is taken from them.
    """
    begin, _, reason = words.split(b"\n", 1)[0].decode(errors="replace").rpartition(": ")
    known = begin == f"bwrap: execvp {program}" and reason in map(os.strerror, errno.errorcode)
    return reason if known else None


def now_ms() -> int:
    """The machine's clock, as logs and records carry it."""
    return time.time_ns() // 1_000_000


def write_whole(path: str, text: str) -> None:
    """Write a file that is there whole or not at all, also after a power cut. It takes the room that is kept for it.

    Raises:
        OSError: the disk has no room for it, or is broken.
    """
    draft = draft_of(path)
    # Not emptied before it is written: the room would be another's at once.
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        data = text.encode()
        if os.write(handle, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        os.ftruncate(handle, len(data))
        if os.path.basename(path) == END_FILE:
            os.fsync(handle)
    finally:
        os.close(handle)
    os.rename(draft, path)


def write_patiently(path: str, text: str, unwanted: Callable[[], bool]) -> None:
    """Write a file whole, as soon as the disk takes it. Whoever gives the run up before that kills this process.

    Raises:
        OSError: it could not be written, and is `unwanted` by now.
    """
    reported = False
    while True:
        try:
            return write_whole(path, text)
        except OSError as problem:
            if unwanted():
                raise
            if not reported:
                reported = True
                tell_operator(f"{path} cannot be written: {problem.strerror}. It is tried again.\n")
            time.sleep(_WRITE_AGAIN_SECONDS)


def tell_operator(text: str) -> None:
    """Say what no member reads: it lands in the run's own file of errors."""
    try:
        os.write(2, text.encode())
    except OSError:
        # The disk is full: no reason to leave the run without a record.
        return
