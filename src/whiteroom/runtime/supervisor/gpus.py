"""Which of the machine's GPUs a run has: each at most one, whichever server it belongs to.

Imported by the supervisor: nothing slow to import.
"""

# pathlib takes 15 ms to import, on the way to the program's first line.
# ruff: noqa: PTH101, PTH102, PTH110, PTH208
from __future__ import annotations

import fcntl
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

FOLDER = "/tmp/whiteroom-gpus"  # noqa: S108 - every server of the machine must find it, whoever it runs as
"""Has a file for each GPU, locked while it is taken. Somebody else's lock can keep one from being used, no more."""
DEVICES = "/dev"
_MODE, _FILE_MODE = 0o1777, 0o644
_LOOK_SECONDS = 0.5
_SHARED = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools")
"""NVIDIA's nodes that belong to no single GPU: every program that uses one opens them."""


def present(devices: str = DEVICES) -> list[int]:
    """The numbers of this machine's GPUs, by the nodes that NVIDIA's driver makes in the folder `devices`."""
    names = (name.removeprefix("nvidia") for name in os.listdir(devices) if name.startswith("nvidia"))
    return sorted(int(name) for name in names if name.isdecimal())


def nodes(devices: str, numbers: list[int]) -> dict[str, str]:
    """What a program needs for these GPUs and sees of no other: paths in /dev, and the nodes of this machine."""
    wanted = [*(f"nvidia{number}" for number in numbers), *_SHARED]
    return {f"/dev/{name}": f"{devices}/{name}" for name in wanted if os.path.exists(f"{devices}/{name}")}


def claim_when_free(
    numbers: list[int], count: int, *, note: Callable[[str], None], stopping: Callable[[], bool], folder: str = FOLDER
) -> list[tuple[int, int]] | None:
    """As `claim`, but waits until there are enough; None once `stopping` says so.

    Args:
        numbers: those of the machine.
        count: how many are wanted.
        note: called once, with why the run waits.
        stopping: whether nobody wants them any more.
        folder: where they are claimed.
    """
    noted = False
    while not stopping():
        held = claim(numbers, count, folder)
        if held is not None:
            return held
        if not noted:
            noted = True
            note(f"The run waits until {count} of this machine's {len(numbers)} GPUs are free.")
        time.sleep(_LOOK_SECONDS)
    return None


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
            # Something else is there, such as a link.
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
