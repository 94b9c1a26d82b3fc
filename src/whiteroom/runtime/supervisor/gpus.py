"""Which of the machine's GPUs a run has: each at most one, whichever server it belongs to.

Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH101, PTH102, PTH208
from __future__ import annotations

import fcntl
import os

FOLDER = "/tmp/whiteroom-gpus"  # noqa: S108 - every server of the machine must find it, whoever it runs as
"""Has a file for each GPU, locked while it is taken. Somebody else's lock can keep one from being used, no more."""
_MODE, _FILE_MODE = 0o1777, 0o644


def present() -> list[int]:
    """The GPUs of this machine, as NVIDIA's driver numbers their device nodes."""
    return sorted(int(name[6:]) for name in os.listdir("/dev") if name.startswith("nvidia") and name[6:].isdigit())


def claim(numbers: list[int], count: int, folder: str = FOLDER) -> list[tuple[int, int]] | None:
    """So many GPUs that no other live run has, each with the descriptor that holds it; None if there are too few.

    Args:
        numbers: those of the machine, as /dev/nvidiaN counts them.
        count: how many are wanted; all of them are had, or none.
        folder: where they are claimed.
    """
    _make(folder)
    held: list[tuple[int, int]] = []
    for number in numbers:
        if len(held) == count:
            break
        try:
            handle = _open(f"{folder}/{number}")
        except OSError:
            # Something else stands there.
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            continue
        held.append((number, handle))
    if len(held) == count:
        return held
    for _, handle in held:
        os.close(handle)
    return None


def _make(folder: str) -> None:
    try:
        os.mkdir(folder)
        os.chmod(folder, _MODE)
    except FileExistsError:
        return


def _open(path: str) -> int:
    """Any user's file can be locked by any other: reading is all that takes."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    while True:
        try:
            return os.open(path, flags)
        except FileNotFoundError:
            try:
                os.close(os.open(path, flags | os.O_CREAT | os.O_EXCL, _FILE_MODE))
            except FileExistsError:
                continue
