"""Opening what a job left behind: by descriptor, without following links, and looked at again once it is open."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from whiteroom.base.archives import shown
from whiteroom.base.locations import plain_parts
from whiteroom.base.real_paths import OPEN_FILE
from whiteroom.ports.data import UnsafeContents

PIECE: Final = 1 << 20
OPEN_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_KINDS: Final = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
SHARED: Final = "has another name (a hard link), which may lie elsewhere; copy the file instead"


def kind_of(mode: int) -> str:
    """What is neither a regular file nor a folder, in words."""
    return _KINDS.get(stat.S_IFMT(mode), "of an unknown kind")


@contextmanager
def opened(name: str, shown_as: str, folder_fd: int | None = None) -> Iterator[tuple[int, os.stat_result]]:
    """A descriptor of a regular file that has no other name, and what is known of it.

    Raises:
        UnsafeContents: it is something else, or cannot be read.
    """
    with opened_any(name, shown_as, folder_fd) as (fd, facts):
        if facts.st_nlink > 1:
            refuse(shown_as, SHARED)
        yield fd, facts


@contextmanager
def opened_any(name: str, shown_as: str, folder_fd: int | None) -> Iterator[tuple[int, os.stat_result]]:
    """As `opened`, and it may have other names."""
    fd, facts = open_left(name, shown_as, folder_fd, OPEN_FILE)
    try:
        yield fd, facts
    finally:
        os.close(fd)


def deliverable_parts(name: str) -> tuple[str, ...]:
    """The parts of a name under which a file can be delivered.

    Raises:
        UnsafeContents: it cannot be; whoever reads the reason can have the program give it another name.
    """
    try:
        return plain_parts(name, "The file name")
    except ValueError as error:
        raise UnsafeContents(f"{error} Nothing was delivered: let the program give the file another name.") from None


def copy_exactly(
    fd: int, size: int, shown_as: str, facts: os.stat_result, write: Callable[[memoryview], object]
) -> None:
    """Hand over the `size` bytes that the file had when it was opened.

    Raises:
        UnsafeContents: the file changes meanwhile.
    """
    buffer = memoryview(bytearray(min(PIECE, max(size, 1))))
    left = size
    while left:
        got = os.readv(fd, [buffer[: min(left, len(buffer))]])
        if got == 0:
            break
        write(buffer[:got])
        left -= got
    now = os.fstat(fd)
    if left or now.st_size != size or now.st_mtime_ns != facts.st_mtime_ns:
        refuse(shown_as, "changed while it was read")


def mode_of(name: str, path: str, folder_fd: int) -> int:
    """The mode of what is to be opened: a device is not opened to find out that it is one."""
    try:
        return os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_mode
    except OSError as error:
        refuse(path, f"cannot be read ({error.strerror})")


def open_left(name: str, path: str, folder_fd: int | None, flags: int) -> tuple[int, os.stat_result]:
    """A descriptor of a regular file or a folder, as `flags` say, and what is known of it."""
    try:
        fd = os.open(name, flags, dir_fd=folder_fd)
    except PermissionError:
        fd = _open_forbidden(name, path, folder_fd, flags)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            refuse(path, "is a link, or was swapped while it was read; only regular files and folders are taken")
        refuse(path, f"cannot be read ({error.strerror})")
    facts = os.fstat(fd)
    wanted = stat.S_ISDIR if flags & os.O_DIRECTORY else stat.S_ISREG
    if not wanted(facts.st_mode):
        os.close(fd)
        refuse(path, f"is {kind_of(facts.st_mode)}; only regular files are taken")
    return fd, facts


def _open_forbidden(name: str, path: str, folder_fd: int | None, flags: int) -> int:
    """Open what its owner, who is us, may not read: the permission is put right through a descriptor."""
    try:
        handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
        try:
            mode = os.fstat(handle).st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                refuse(path, "is neither a regular file nor a folder")
            itself = f"/proc/self/fd/{handle}"
            Path(itself).chmod(0o700 if stat.S_ISDIR(mode) else 0o600)
            return os.open(itself, flags & ~os.O_NOFOLLOW)
        finally:
            os.close(handle)
    except OSError as error:
        refuse(path, f"cannot be read ({error.strerror})")


def refuse(path: str, reason: str) -> NoReturn:
    """Refuse all of it, for what is at that path."""
    raise UnsafeContents(f"{shown(path)} {reason}.") from None
