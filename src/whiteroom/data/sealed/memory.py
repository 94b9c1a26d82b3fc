"""The folder in memory where opened bytes are: on a tmpfs that is never written to a disk, for its owner alone.

A machine that starts again finds it empty, and a server is told so: what ran is gone.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from whiteroom.base.machine_errors import Trouble

_IN_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_DEFAULT: Final = Path("/dev/shm")  # noqa: S108 - a folder of our own in it, whose owner and mode are looked at
BEGUN: Final = "begun"
"""Is there once the server knows what the machine's start has cost it; says which data folder's memory this is."""


class NotPrivate(Trouble):
    """Opened bytes would not stay in memory, or not with the server alone. The message is for the operator."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of /proc/self/mountinfo."""

    at: str
    kind: str
    options: frozenset[str]
    """The mount's own, and those of its file system."""


def memory_folder(chosen: str, data: Path) -> Path:
    """Where a server's opened bytes are; by default in a folder of its own on the machine's shared memory.

    Args:
        chosen: by the settings; empty for the default.
        data: the server's folder.
    """
    if chosen:
        return Path(chosen)
    own = hashlib.sha256(os.fsencode(data.absolute().resolve())).hexdigest()[:12]
    return _DEFAULT / f"whiteroom-{os.geteuid()}-{own}"


def open_memory(folder: Path, proc: Path = Path("/proc")) -> None:
    """Make the folder where it is missing, and hold it to what it promises.

    Raises:
        NotPrivate: as it says.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        facts = folder.lstat()
    except OSError as error:
        raise NotPrivate(f"{folder} cannot be used: {error.strerror}. {_MOUNT_ONE}") from None
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid() or stat.S_IMODE(facts.st_mode) & 0o077:
        raise NotPrivate(
            f"{folder} must be a folder of the server's user that nobody else may enter: chown it to user "
            f"{os.geteuid()} and chmod 700 it, or name another by memory_folder."
        )
    if problem := problem_of(folder, proc):
        raise NotPrivate(problem)


def problem_of(folder: Path, proc: Path = Path("/proc")) -> str:
    """Why what is written there may come to a disk, or cannot be run from; empty where it is well."""
    mount = mount_of(folder.resolve(), (proc / "self" / "mountinfo").read_text(encoding="utf-8"))
    if mount is None or mount.kind not in _IN_MEMORY:
        kind = "unknown" if mount is None else mount.kind
        return f"{folder} is on a file system of the kind {kind}, and not in memory. {_MOUNT_ONE}"
    if folder.is_dir() and not size_of(folder):
        return f"{mount.at} has no size, so that one program could fill all memory of this machine. {_MOUNT_ONE}"
    if "noexec" in mount.options:
        return f"{mount.at} is mounted noexec, and programs have libraries of their own in {folder}. {_MOUNT_ONE}"
    if mount.kind == "tmpfs" and "noswap" not in mount.options and (swaps := _swaps(proc)):
        return (
            f"{mount.at} may be swapped out to {', '.join(swaps)}, where its bytes would outlast it. Turn swap off, or "
            f"use a tmpfs with noswap (Linux 6.4 or later). {_MOUNT_ONE}"
        )
    return ""


_MOUNT_ONE: Final = (
    "Mount one for the server (mkdir -p /run/whiteroom; mount -t tmpfs -o noswap -o size=16g -o mode=700 -o uid=USER "
    "tmpfs /run/whiteroom), and name it by the setting memory_folder."
)


def mount_of(path: Path, mountinfo: str) -> Mount | None:
    """The mount that a path is on; None where there is none in the table."""
    found: Mount | None = None
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        own, of_its_kind = before.split(), after.split()
        at = own[4].encode().decode("unicode_escape")
        # Of two at one place the later one covers the other.
        if path.is_relative_to(at) and (found is None or len(at) >= len(found.at)):
            options = frozenset((*own[5].split(","), *of_its_kind[2].split(",")))
            found = Mount(at, of_its_kind[0], options)
    return found


def _swaps(proc: Path) -> list[str]:
    """What the machine may swap to."""
    try:
        lines = (proc / "swaps").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:  # a kernel without it
        return []
    return [line.split()[0] for line in lines[1:] if line.strip()]


def size_of(folder: Path) -> int:
    """How many bytes the folder's file system takes."""
    facts = os.statvfs(folder)
    return facts.f_blocks * facts.f_frsize
