"""Child processes that outlive the server: each has a folder, and a lock held while a process of it lives.

So the server keeps nothing of them in memory, and one that starts again finds them as they are. What such a
process does on its own side: supervising.py.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

LOG = "log.txt"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,127}")
_DEATH_SECONDS = 10.0
"""How long a killed process may take to give its memory back before nobody waits for it any more."""


def child_ids(folder: Path) -> list[str]:
    """Every child that still has a folder, in the order of their names."""
    return sorted(entry.name for entry in folder.iterdir() if _ID.fullmatch(entry.name))


def child_folder(folder: Path, child_id: str) -> Path:
    """A child's folder, which need not be there.

    Raises:
        ValueError: that is no id.
    """
    if not _ID.fullmatch(child_id):
        raise ValueError(f"{child_id!r} is not the id of a query.")
    return folder / child_id


@contextmanager
def locked(folder: Path) -> Iterator[int | None]:
    """The child's lock, as a file descriptor; None where a process of the child, or another server, holds it."""
    try:
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        # Forgotten since we looked: nothing of it lives, and nothing is recorded.
        yield None
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def spawn(
    folder: Path, lock: int, module: str, arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> None:
    """Start a child, which keeps the lock: it belongs to the open file that both share."""
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-m", module, *arguments],
            cwd=folder,
            env=dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lock,),
            start_new_session=True,
        )
    (folder / "pid").write_text(str(process.pid))
    # Reaped as soon as it ends, so that no zombie outlives its query.
    threading.Thread(target=process.wait, daemon=True, name=f"reap-{process.pid}").start()


@contextmanager
def killed(folder: Path) -> Iterator[bool]:
    """Kill a child and hold its lock; False where it did not die in time."""
    deadline = time.monotonic() + _DEATH_SECONDS
    while time.monotonic() < deadline:
        with locked(folder) as lock:
            if lock is not None:
                yield True
                return
            _kill(folder)
        time.sleep(0.01)
    yield False


def _kill(folder: Path) -> None:
    """SIGKILL to the child's session. Only while its lock is held: the process id cannot have passed to another."""
    try:
        os.killpg(int((folder / "pid").read_text()), signal.SIGKILL)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        # Just started and not yet written down, or just gone: the caller looks again.
        return
