"""Which run makes way where the folders of all runs are in one memory, and that is nearly full: of bytes, or of files.

Each run says what it has by the lengths of two files, so that every supervisor finds the same one by itself: the
server may be down. What a run had that made way is gone before its end is told, so that no other has to go for it.
Imported by the supervisor: nothing slow to import.
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


_UNITS = {specs.USED_BYTES: "bytes", specs.USED_FILES: "files"}


def must_go(run: str, used: Mapping[str, int], size: int, *, is_scarce: bool, unit: str = "bytes") -> str:
    """Why a run must make way; empty where it need not. Pure.

    Args:
        run: which.
        used: what each run that lives has, this one among them.
        size: of the memory; 0 of one that takes any number.
        is_scarce: whether less of it is free than is to stay free.
        unit: what is counted.
    """
    own = used[run]
    if size and own > size // SHARE:
        return f"It wrote more than {size // SHARE:,} {unit}, half of what this server has for files in memory."
    largest = max(used, key=lambda one: (used[one], one))
    # Of the largest, and where that makes the room: else what else is in memory is what fills it.
    if is_scarce and largest == run and own >= size // RESERVE:
        return f"This server's memory for files is full, and the run has the most of it: {own:,} {unit}."
    return ""


def sizes(facts: os.statvfs_result) -> dict[str, tuple[int, bool]]:
    """How much a file system takes of what runs say that they have, and whether too little of it is free."""
    return {
        specs.USED_BYTES: (facts.f_blocks * facts.f_frsize, facts.f_bavail * RESERVE < facts.f_blocks),
        specs.USED_FILES: (facts.f_files, facts.f_favail * RESERVE < facts.f_files),
    }


def is_scarce(facts: os.statvfs_result) -> bool:
    """Whether a file system has less room for bytes, or for files, than is to stay free."""
    return any(scarce for _, scarce in sizes(facts).values())


class SharedMemory:
    """The memory that an instance's run shares with others. The current folder is the run's."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._run = os.path.basename(os.getcwd())  # noqa: PTH109, PTH119
        self.was_scarce = False
        """Whether it was seen to be nearly full."""

    def say(self, used_bytes: int, files: int) -> None:
        """Have the others know what the instance has."""
        for said, amount in ((specs.USED_BYTES, used_bytes), (specs.USED_FILES, files)):
            with suppress(OSError):  # its folder was removed under it
                os.truncate(f"{said}/{self._host}", amount)

    def look(self, used_bytes: int, files: int) -> str:
        """Say what the instance has; why its run must make way, or nothing."""
        self.say(used_bytes, files)
        found = sizes(os.statvfs("."))
        for (said, (size, scarce)), own in zip(found.items(), (used_bytes, files), strict=True):
            self.was_scarce = self.was_scarce or scarce
            used = {self._run: max(own, _used_by(".", said))}
            if scarce:
                used = {**_of_others(said), **used}
            if why := must_go(self._run, used, size, is_scarce=scarce, unit=_UNITS[said]):
                return why
        return ""


def _of_others(said: str) -> dict[str, int]:
    """What each run that has not ended has, by its name."""
    found = {}
    for runtime in _RUNTIMES:
        top = f"../../{runtime}"
        for run in _names(top):
            if not run.startswith(".") and not os.path.exists(f"{top}/{run}/{specs.END_FILE}"):
                found[run] = _used_by(f"{top}/{run}", said)
    return found


def _used_by(run: str, said: str) -> int:
    """What all instances of a run have together."""
    total = 0
    for host in _names(f"{run}/{said}"):
        try:
            total += os.stat(f"{run}/{said}/{host}").st_size
        except OSError:  # its run has been removed meanwhile
            continue
    return total


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
