"""Which run makes way where the folders of all runs are in one memory, and that is nearly full.

Each run says what it has by the length of a file, so that every supervisor finds the same one by itself: the
server may be down. Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH110, PTH116, PTH208
from __future__ import annotations

import os
from contextlib import suppress

from whiteroom.runtime import spec as specs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

SHARE = 2
"""A run may have so large a part of the memory as others leave: half, so that what it left can be packed."""
RESERVE = 16
"""So small a part of it is to stay free."""
FULL = "This server's memory for files was full, for no fault of the run's."
_RUNTIMES = ("runs", "containers")


def must_go(run: str, used_bytes: Mapping[str, int], size_bytes: int, *, is_scarce: bool) -> str:
    """Why a run must make way; empty where it need not. Pure.

    Args:
        run: which.
        used_bytes: what each run that lives has, this one among them.
        size_bytes: of the memory.
        is_scarce: whether less of it is free than is to stay free.
    """
    own_bytes = used_bytes[run]
    if own_bytes > size_bytes // SHARE:
        return f"It wrote more than {size_bytes // SHARE:,} bytes, half of what this server has for files in memory."
    largest = max(used_bytes, key=lambda one: (used_bytes[one], one))
    # Of the largest, and where that makes the room: else what else is in memory is what fills it.
    if is_scarce and largest == run and own_bytes >= size_bytes // RESERVE:
        return f"This server's memory for files is full, and the run has the most of it: {own_bytes:,} bytes."
    return ""


def is_scarce(facts: os.statvfs_result) -> bool:
    """Whether a file system has less room for bytes, or for files, than is to stay free."""
    return facts.f_bavail * RESERVE < facts.f_blocks or facts.f_favail * RESERVE < facts.f_files


class SharedMemory:
    """The memory that an instance's run shares with others. The current folder is the run's."""

    def __init__(self, host: str) -> None:
        self._own = f"{specs.USED}/{host}"
        self._run = os.path.basename(os.getcwd())  # noqa: PTH109, PTH119
        self.was_scarce = False
        """Whether it was seen to be nearly full."""

    def look(self, used_bytes: int) -> str:
        """Say what the instance has; why its run must make way, or nothing."""
        with suppress(OSError):  # its folder was removed under it
            os.truncate(self._own, used_bytes)
        facts = os.statvfs(".")
        scarce = is_scarce(facts)
        self.was_scarce = self.was_scarce or scarce
        used = {self._run: max(used_bytes, _used_by("."))}
        if scarce:
            used = {**_of_others(), **used}
        return must_go(self._run, used, facts.f_blocks * facts.f_frsize, is_scarce=scarce)


def _of_others() -> dict[str, int]:
    """What each run that has not ended has, by its name."""
    found = {}
    for runtime in _RUNTIMES:
        top = f"../../{runtime}"
        for run in _names(top):
            if not run.startswith(".") and not os.path.exists(f"{top}/{run}/{specs.END_FILE}"):
                found[run] = _used_by(f"{top}/{run}")
    return found


def _used_by(run: str) -> int:
    """What all instances of a run have together."""
    total = 0
    for host in _names(f"{run}/{specs.USED}"):
        try:
            total += os.stat(f"{run}/{specs.USED}/{host}").st_size
        except OSError:  # its run has been removed meanwhile
            continue
    return total


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
