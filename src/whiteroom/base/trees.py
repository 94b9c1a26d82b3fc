"""Puts whole folders in place and removes them, whatever is in them."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterable
from pathlib import Path

_FLATTEN_LEVELS = 64


def put_in_place(draft: Path, target: Path, files: Iterable[Path]) -> None:
    """Make a folder and the files in it durable, then visible whole as `target`, in place of what is there."""
    for path in (*files, draft):
        handle = os.open(path, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
    remove_tree(target)
    draft.rename(target)


def remove_tree(folder: Path) -> None:
    """Delete a folder or a file, hostile contents included: unreadable, 3,000 levels deep, 200,000 files wide.

    Nothing may write to it any more. What is not there is a success; one that is cut short leaves the folder, with less
    in it.
    """
    try:
        parent = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        while not _gone(parent, folder.name):
            _empty(parent, folder.name)
    finally:
        os.close(parent)


def _gone(parent: int, name: str) -> bool:
    try:
        os.rmdir(name, dir_fd=parent)
    except FileNotFoundError:
        return True
    except NotADirectoryError:
        os.unlink(name, dir_fd=parent)
    except OSError as problem:
        if problem.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        return False
    return True


def _empty(parent: int, name: str, level: int = 0, top: int | None = None) -> None:
    """Delete what is in one folder, but for folders that lie deep: they come to be under short names in the top one.

    So no path and no stack grows.
    """
    try:
        os.chmod(name, 0o700, dir_fd=parent)
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except FileNotFoundError:
        return
    top = handle if top is None else top
    try:
        with os.scandir(handle) as entries:
            names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for child, is_folder in names:
            if not is_folder:
                os.unlink(child, dir_fd=handle)
            elif level >= _FLATTEN_LEVELS:
                os.chmod(child, 0o700, dir_fd=handle)
                os.rename(child, f".removing-{uuid.uuid4().hex}", src_dir_fd=handle, dst_dir_fd=top)
            else:
                _empty(handle, child, level + 1, top)
                os.rmdir(child, dir_fd=handle)
    finally:
        os.close(handle)
