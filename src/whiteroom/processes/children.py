"""Child processes that outlive the server: each has a folder, and a lock held while a process of it lives.

So the server keeps nothing of them in memory, and one that starts again finds them as they are: who finds the lock
free knows that the child has ended, with a record of its end or dead. What such a process does on its own side:
supervising.py for queries and syntheses, runtime/supervisor/ for runs.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from whiteroom.base.machine_errors import Trouble

LOG = "log.txt"
LOCK = "lock"
PID = "pid"
"""Names inside a child's folder."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,127}")
_DEATH_SECONDS = 10.0
"""How long a killed process may take to give its memory back before nobody waits for it any more."""
LOOK_SECONDS = 0.002


def child_ids(folder: Path) -> list[str]:
    """Every child that still has a folder, in the order of their names."""
    return sorted(entry.name for entry in folder.iterdir() if _ID.fullmatch(entry.name)) if folder.is_dir() else []


def child_folder(folder: Path, child_id: str) -> Path:
    """A child's folder, which need not be there.

    Raises:
        ValueError: that is no id.
    """
    if not _ID.fullmatch(child_id):
        raise ValueError(f"{child_id!r} is not the id of a child process: it is made of letters, digits and hyphens.")
    return folder / child_id


def make_child_folder(folder: Path) -> None:
    """Make a child's folder where it is not there.

    Raises:
        Trouble: the folder of all children is gone: it was unmounted, or removed under the server.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except FileNotFoundError:
        raise Trouble(
            f"The folder {folder.parent} is gone, in which work has its own: put it back, or mount again what it was "
            "on, and start the server again. Work waits."
        ) from None


def try_lock(folder: Path) -> int | None:
    """The child's lock, as a descriptor to close; None where one that lives holds it, another server, or it is gone."""
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        # Forgotten since we looked: nothing of it lives, and nothing is recorded.
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


@contextmanager
def locked(folder: Path) -> Iterator[int | None]:
    """As `try_lock`, and closes it."""
    handle = try_lock(folder)
    try:
        yield handle
    finally:
        if handle is not None:
            os.close(handle)


def spawn(
    folder: Path,
    lock: int,
    module: str,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> None:
    """Start a child, which keeps the lock: it belongs to the open file that both share.

    Args:
        folder: its own.
        lock: held.
        module: what it runs.
        arguments: of its command line.
        environment: its variables, all of them.
        stdin: what it reads on its standard input: secrets, which no file and no command line holds.
    """
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-m", module, *arguments],
            cwd=folder,
            env=dict(environment or {}),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lock,),
            start_new_session=True,
        )
    (folder / PID).write_text(str(process.pid))
    if process.stdin is not None:
        # One that is dead by now has heard nothing, and is found dead.
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(stdin)
    reaped(process.wait)


def reaped(wait: Callable[[], object]) -> None:
    """Wait for a child in the background, so that no zombie outlives its work."""
    threading.Thread(target=wait, daemon=True, name="reap").start()


def kill_session(folder: Path) -> None:
    """SIGKILL to the child's session. Only while its lock is held: the process id cannot have passed to another."""
    try:
        os.killpg(int((folder / PID).read_text()), signal.SIGKILL)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        # Just started and not yet written down, or just gone: the caller looks again.
        return


@contextmanager
def killed(
    folder: Path, kill: Callable[[Path], None] = kill_session, seconds: float = _DEATH_SECONDS
) -> Iterator[bool]:
    """Kill a child and hold its lock; False where it did not die in time, or its folder is gone."""
    deadline = time.monotonic() + seconds
    while folder.is_dir() and time.monotonic() < deadline:
        with locked(folder) as lock:
            if lock is not None:
                yield True
                return
            kill(folder)
        time.sleep(LOOK_SECONDS)
    yield False


def read_json(path: Path) -> Any:
    """What `write_json` wrote.

    Raises:
        FileNotFoundError: nothing yet.
        ValueError: it is damaged.
    """
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Replace a file whole: a reader sees the old one or the new one, also after a crash."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    with draft.open("w", encoding="utf-8") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
