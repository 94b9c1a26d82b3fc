"""The users that live runs have where the server is root: each its own, so that none can touch another's.

Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH103
from __future__ import annotations

import fcntl
import os

_COUNT = 65_536


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
