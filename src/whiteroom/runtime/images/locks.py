"""Locks beside what they guard: a folder is removed only when nobody holds its lock."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from whiteroom.base.trees import remove_tree


@contextmanager
def locked(path: Path, kind: int) -> Iterator[Path]:
    """Hold the lock, which is made where it is missing, for as long as the block runs."""
    handle = _acquired(path, kind)
    try:
        yield path
    finally:
        os.close(handle)


def _acquired(path: Path, kind: int) -> int:
    """A descriptor that holds the lock which has that name now: whoever removes a folder removes its lock as well."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(handle, kind)
            with suppress(FileNotFoundError):
                if path.stat().st_ino == os.fstat(handle).st_ino:
                    return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def lock_of(place: Path) -> Path:
    """The lock of a folder."""
    return place.with_name(place.name + ".lock")


def remove_unless_held(place: Path) -> None:
    """Remove the folder and its lock; nothing where somebody holds it."""
    try:
        with locked(lock_of(place), fcntl.LOCK_EX | fcntl.LOCK_NB) as lock:
            remove_tree(place)
            lock.unlink(missing_ok=True)
    except BlockingIOError:
        return
