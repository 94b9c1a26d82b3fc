"""Whole folders: copied, digested, made read-only, removed, whatever stands in them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import uuid
from pathlib import Path

_PIECE_BYTES = 1 << 20
_FLATTEN_LEVELS = 64
_LEFT_OUT = frozenset({".git", "__pycache__"})


class BadFolder(Exception):
    """The folder holds something that an image cannot. The message names it."""


def copy_tree(source: Path, target: Path) -> None:
    """Copy regular files, folders and the links that stay inside.

    Raises:
        BadFolder: a link that leads out, or something that is neither file nor folder.
    """
    if not source.is_dir():
        raise BadFolder(f"{source} is not a folder.")
    root = source.resolve()
    target.mkdir()
    for path, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        here = Path(path)
        there = target / here.relative_to(root)
        for name in [*folders, *files]:
            _copy_entry(root, here / name, there / name)
        folders[:] = [name for name in folders if not (here / name).is_symlink()]


def _copy_entry(root: Path, source: Path, target: Path) -> None:
    mode = source.lstat().st_mode
    shown = source.relative_to(root)
    if stat.S_ISLNK(mode):
        leads_to = source.parent.joinpath(source.readlink()).resolve()
        if source.readlink().is_absolute() or not leads_to.is_relative_to(root):
            raise BadFolder(f"{shown} is a link that leads out of the folder; put a copy in its place.")
        target.symlink_to(source.readlink())
    elif stat.S_ISDIR(mode):
        target.mkdir()
    elif stat.S_ISREG(mode):
        shutil.copyfile(source, target, follow_symlinks=False)
        target.chmod(0o755 if mode & 0o100 else 0o644)
    else:
        raise BadFolder(f"{shown} is neither a file nor a folder; take it out.")


def digest_tree(folder: Path) -> str:
    """SHA-256 over every path, its kind, its executable bit and its contents."""
    digest = hashlib.sha256()
    for path, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted([*folders, *files]):
            entry = Path(path, name)
            mode = entry.lstat().st_mode
            if stat.S_ISLNK(mode):
                kind, contents = "link", str(entry.readlink())
            elif stat.S_ISDIR(mode):
                kind, contents = "folder", ""
            else:
                kind, contents = "program" if mode & 0o100 else "file", _digest_file(entry)
            digest.update(json.dumps([str(entry.relative_to(folder)), kind, contents]).encode())
    return digest.hexdigest()


def _digest_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_read_only(folder: Path) -> None:
    """Take every right to write away and give every user the right to read."""
    for path, folders, files in os.walk(folder, topdown=False):
        for name in [*files, *folders]:
            entry = Path(path, name)
            mode = entry.lstat().st_mode
            if not stat.S_ISLNK(mode):
                entry.chmod(0o555 if stat.S_ISDIR(mode) or mode & 0o100 else 0o444)
    folder.chmod(0o555)


def remove_tree(folder: Path) -> None:
    """Delete a folder, hostile contents included: unreadable, 3,000 levels deep, 200,000 files wide.

    Nothing may write to it any more. What is not there is a success.
    """
    try:
        parent = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        pending = [folder.name]
        while pending:
            # Deep folders come back under a short name at the top: no path and no stack grows.
            pending += _empty(parent, pending[-1], 0, parent)
            if not _gone(parent, pending[-1]):
                continue
            pending.pop()
    finally:
        os.close(parent)


def _gone(parent: int, name: str) -> bool:
    try:
        os.rmdir(name, dir_fd=parent)
    except FileNotFoundError:
        return True
    except OSError as problem:
        if not isinstance(problem, NotADirectoryError):
            return False
        os.unlink(name, dir_fd=parent)
    return True


def _empty(parent: int, name: str, level: int, top: int) -> list[str]:
    """Delete what is in one folder; the new names of folders that are moved to the top instead."""
    try:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        if not stat.S_ISDIR(mode):
            return []
        os.chmod(name, 0o700, dir_fd=parent)
        handle = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    except FileNotFoundError:
        return []
    moved: list[str] = []
    try:
        with os.scandir(handle) as entries:
            names = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        for child, is_folder in names:
            if not is_folder:
                os.unlink(child, dir_fd=handle)
            elif level >= _FLATTEN_LEVELS:
                short = f".removing-{uuid.uuid4().hex}"
                os.chmod(child, 0o700, dir_fd=handle)
                os.rename(child, short, src_dir_fd=handle, dst_dir_fd=top)
                moved.append(short)
            else:
                moved += _empty(handle, child, level + 1, top)
                os.rmdir(child, dir_fd=handle)
    finally:
        os.close(handle)
    return moved
