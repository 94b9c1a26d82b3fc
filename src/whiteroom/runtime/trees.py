"""Whole folders: copied, digested, made read-only, whatever is in them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from pathlib import Path

_PIECE_BYTES = 1 << 20
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


def is_larger(folder: Path, most_bytes: int, most_entries: int) -> bool:
    """Whether a folder holds more than that; no more of it is looked at than it takes to know."""
    entries = size_bytes = 0
    for path, folders, files in os.walk(folder):
        entries += len(folders) + len(files)
        size_bytes += sum(Path(path, name).lstat().st_size for name in files) if entries <= most_entries else 0
        if entries > most_entries or size_bytes > most_bytes:
            return True
    return False


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
