"""Looks for files in folders that somebody else writes to: what cannot be looked at is said, and never passed over."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from whiteroom.base.machine_errors import remedy_of
from whiteroom.ports.catalog import UnusableFiles

MAGIC = frozenset("*?[")
_ANY = "**"
_VANISHED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL})
_NAME = 300
"""Bytes of a path in a sentence."""


@contextmanager
def looking() -> Iterator[None]:
    """Have what cannot be looked at said in a sentence. Errors of the machine itself, which may pass, stay as they are.

    Raises:
        UnusableFiles: a folder or a file was taken away meanwhile, or may not be looked at.
    """
    try:
        yield
    except OSError as error:
        if remedy_of(error) is not None:
            raise
        path = _shown(error.filename or "A file")
        if error.errno in _VANISHED:
            raise UnusableFiles(f"{path} was taken away while it was looked at. Ask again once it is there.") from None
        raise UnusableFiles(
            f"{path} cannot be looked at ({error.strerror}): it is not known which files are there. "
            "Let the user that runs the server read it."
        ) from None


def files_in(folder: Path) -> list[Path]:
    """The files in a folder and those in it, but for those whose names begin with a dot or an underscore.

    Raises:
        OSError: a folder cannot be looked at, or something was taken away meanwhile.
        UnusableFiles: a link leads to nothing.
    """
    found, left = [], [folder]
    while left:
        for place, mode, is_link in _entries(left.pop(), (".", "_")):
            if stat.S_ISREG(mode):
                found.append(place)
            elif stat.S_ISDIR(mode) and not is_link:
                left.append(place)
    return found


def files_of_pattern(folder: Path, pattern: Sequence[str]) -> list[Path]:
    """The files in a folder that a pattern means, part by part.

    Names that begin with a dot are passed over, unless one of its parts does. `**` goes through no link: two of them to
    one folder would never come to an end.

    Raises:
        OSError, UnusableFiles: as `files_in`.
    """
    hidden = () if any(part.startswith(".") for part in pattern) else (".",)
    found: dict[Path, None] = {}
    left = [(folder, tuple(pattern))]
    seen = set(left)
    while left:
        place, (part, *rest) = left.pop()
        further = [(place, tuple(rest))] if part == _ANY else []
        for below, mode, is_link in _meant(place, part, hidden):
            if part == _ANY:
                further += [(below, (part, *rest))] if stat.S_ISDIR(mode) and not is_link else []
            elif rest:
                further += [(below, tuple(rest))] if stat.S_ISDIR(mode) else []
            elif stat.S_ISREG(mode):
                found[below] = None
        new = [one for one in further if one not in seen]
        seen.update(new)
        left.extend(new)
    return list(found)


def _meant(folder: Path, part: str, hidden: tuple[str, ...]) -> Iterator[tuple[Path, int, bool]]:
    if MAGIC & set(part):
        yield from _entries(folder, hidden, "*" if part == _ANY else part)
    elif os.path.lexists(folder / part):
        yield _entry(folder / part)


def _entries(folder: Path, hidden: tuple[str, ...], pattern: str = "*") -> list[tuple[Path, int, bool]]:
    """What is in a folder: where, which kind it is once a link is followed, and whether it is one."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    return [_entry(folder / name) for name in names if fnmatchcase(name, pattern) and not name.startswith(hidden)]


def _entry(place: Path) -> tuple[Path, int, bool]:
    is_link = stat.S_ISLNK(place.lstat().st_mode)
    try:
        return place, place.stat().st_mode, is_link
    except OSError as error:
        if not is_link or error.errno not in _VANISHED:
            raise
        raise UnusableFiles(
            f"{_shown(place)} is a link that leads to nothing. Remove it, or put the file there."
        ) from None


def _shown(path: str | Path) -> str:
    return os.fsencode(path)[:_NAME].decode(errors="backslashreplace")
