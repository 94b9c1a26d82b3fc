"""Opens files by paths that no link is part of: neither a file nor a folder above it.

Whoever may write to a folder can put a link in a name's place at any moment. So a path is not looked at and then
opened: it is gone along folder by folder, each opened in the one before, and what came out is looked at.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

OPEN_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_FOLDER: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""A folder above a file need not be readable."""
_OF_THIS_PROCESS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})

OPEN_FILES: Final = "/proc/self/fd/"
"""Where the kernel has links to a process's open files."""
GONE: Final = "is gone or cannot be read"
LINK: Final = "became a link"
NO_FILE: Final = "is no regular file"


class NotOpened(Exception):
    """A file is not opened. The message says why, in words that go behind its name."""

    def __init__(self, reason: str, path: str) -> None:
        super().__init__(reason)
        self.path = path


@contextmanager
def held_open(paths: Iterable[str]) -> Iterator[list[int]]:
    """Descriptors of the regular files at paths, open until the end.

    Raises:
        NotOpened: a path is that of no regular file, or goes through a link.
        OSError: this process may open no more.
    """
    held: list[int] = []
    try:
        with _Folder() as folder:
            held.extend(map(folder.open_file, paths))
        yield held
    finally:
        for handle in held:
            os.close(handle)


def open_real(path: str) -> int:
    """A descriptor of the regular file at a path, for the caller to close.

    Raises:
        NotOpened: it is that of no regular file, or goes through a link.
        OSError: this process may open no more.
    """
    with _Folder() as folder:
        return folder.open_file(path)


def link_to(handle: int) -> str:
    """What a link to an open file of this process says: whoever opens it opens that file, whatever its path means."""
    return f"{OPEN_FILES}{handle}"


class _Folder:
    """The folder of the file that was opened last: most files are where the one before lay."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._leave()

    def open_file(self, path: str) -> int:
        whole = Path(path).absolute()
        try:
            self._enter(whole.parent)
            handle = os.open(whole.name, OPEN_FILE, dir_fd=self._handle)
        except OSError as error:
            if error.errno in _OF_THIS_PROCESS:
                raise
            raise NotOpened(LINK if error.errno == errno.ELOOP else GONE, path) from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise NotOpened(NO_FILE, path)
        return handle

    def _enter(self, folder: Path) -> None:
        if folder == self._path:
            return
        self._leave()
        root, *parts = folder.parts
        self._handle = os.open(root, _FOLDER)
        for part in parts:
            above = self._handle
            try:
                self._handle = _open_folder(part, above)
            finally:
                os.close(above)
        self._path = folder

    def _leave(self) -> None:
        if self._path is not None:
            os.close(self._handle)
        self._path = None


def _open_folder(name: str, above: int) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=above)
    except NotADirectoryError as error:
        # A link is none either; which of both it is, only a sentence says.
        if stat.S_ISLNK(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
            error.errno = errno.ELOOP
        raise
