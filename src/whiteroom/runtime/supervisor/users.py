"""The users that live runs have where the server is root: each its own, so that none can touch another's.

Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH103
from __future__ import annotations

import fcntl
import os

_COUNT = 65_536
_MAX_LEVELS = 128


def claim(folder: str, first: int) -> tuple[int, int] | None:
    """A user that no other live run has, and the descriptor that holds it; None if all are taken.

    Args:
        folder: has a file for each user, locked while it is taken.
        first: the first of the users.
    """
    os.makedirs(folder, mode=0o700, exist_ok=True)
    for uid in range(first, first + _COUNT):
        handle = os.open(f"{folder}/{uid}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            continue
        return uid, handle
    return None


def hand_over(folder: str, uid: int) -> None:
    """Give a folder and all below it, 128 levels at most, to a user, following nothing."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(folder, flags)
    try:
        _hand_over(handle, uid, flags, _MAX_LEVELS)
    finally:
        os.close(handle)


def _hand_over(handle: int, uid: int, flags: int, levels: int) -> None:
    os.fchown(handle, uid, uid)
    with os.scandir(handle) as entries:
        for entry in entries:
            os.chown(entry.name, uid, uid, dir_fd=handle, follow_symlinks=False)
            if levels and entry.is_dir(follow_symlinks=False):
                below = os.open(entry.name, flags, dir_fd=handle)
                try:
                    _hand_over(below, uid, flags, levels - 1)
                finally:
                    os.close(below)
