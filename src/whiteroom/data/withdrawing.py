"""Erasing what was delivered into a folder of this machine: by descriptor, and nothing but what was delivered."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence

from whiteroom.base.locations import plain_parts
from whiteroom.data.opening import OPEN_FOLDER
from whiteroom.domain.execution.deliveries import DeliveredFile


def erase_below(parent: int, name: str, files: Sequence[DeliveredFile]) -> None:
    """Erase these files below the folder `name`, those of another size excepted, and folders that are empty then."""
    try:
        top = os.open(name, OPEN_FOLDER, dir_fd=parent)
    except OSError:
        return  # it is gone, or no folder of ours
    try:
        folders = set()
        for file in files:
            parts = plain_parts(file.name, "The file name")
            _erase(top, parts, file.size_bytes)
            folders |= {parts[:count] for count in range(1, len(parts))}
        for folder in sorted(folders, key=len, reverse=True):
            with contextlib.suppress(OSError):  # not empty, or gone
                os.rmdir("/".join(folder), dir_fd=top)
        os.fsync(top)
    finally:
        os.close(top)
    with contextlib.suppress(OSError):
        os.rmdir(name, dir_fd=parent)
    os.fsync(parent)


def _erase(top: int, parts: Sequence[str], size_bytes: int) -> None:
    folder = os.dup(top)
    try:
        for name in parts[:-1]:
            below = os.open(name, OPEN_FOLDER, dir_fd=folder)
            os.close(folder)
            folder = below
        facts = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(facts.st_mode) and facts.st_size == size_bytes:
            os.unlink(parts[-1], dir_fd=folder)
            os.fsync(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    finally:
        os.close(folder)
