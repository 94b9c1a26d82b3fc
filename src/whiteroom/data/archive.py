"""Packing what a job left behind: an untrusted folder becomes a .tar.gz.

Every name is opened by descriptor, without following links, and looked at again once it is
open; only regular files and folders are taken, and the rest is refused with the reason
(decision: docs/sandbox, what a job may leave behind). The archive holds the regular files
alone: their names say in which folders they lie. The same contents give the same bytes:
names are sorted, and owners, times and all permissions but the executable bit are fixed.

The archive carries the size of its contents in a field of its gzip header, so that it is
known again without reading the archive and cannot be told apart from it by a crash.
"""

from __future__ import annotations

import errno
import os
import stat
import struct
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import IO, Final, NoReturn

from isal import igzip_threaded

from whiteroom.base.archives import MAX_DEPTH, MAX_MEMBERS, MAX_NAME_BYTES, name_fault, shown
from whiteroom.ports import ConflictingContents, TookTooLong, TooLarge, UnsafeContents

_PIECE: Final = 1 << 20
_LEVEL: Final = 1
_MAX_THREADS: Final = 4
_CHANGED_AT: Final = 315_532_800
"""1980-01-01, the earliest time that every archive format can say."""

_OPEN_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_OPEN_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_REMEDY: Final = " Let one instance alone write it, or give each instance a name of its own."

_KINDS: Final = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

_PLAIN_HEADER: Final = b"\x1f\x8b\x08\x00"
# RFC 1952: FLG.FEXTRA, no time, unknown system; one subfield `Wr` of eight bytes.
_HEADER: Final = struct.Struct("<4sIBBH2sHQ")
_SUBFIELD: Final = b"Wr"


def write_archive(folders: Mapping[str, Path], out: IO[bytes], limit_bytes: int | None, until: float = inf) -> int:
    """Write the folders, merged, to `out`, which must be at its start and seekable; gives back the bytes of the files.

    Args:
        folders: by host, what each left.
        out: takes the archive.
        limit_bytes: the most that the files may hold.
        until: when it is given up, by time.monotonic().

    Raises:
        ConflictingContents: hosts left different contents under one path.
        UnsafeContents: something in the folder is refused.
        TooLarge: the files hold more than `limit_bytes`. What was written until then is of no use.
        TookTooLong: it was not done at `until`. Likewise.
    """
    tagged = _Tagged(out)
    threads = min(len(os.sched_getaffinity(0)), _MAX_THREADS)
    open_packed: Callable[..., IO[bytes]] = igzip_threaded.open
    with open_packed(tagged, "wb", compresslevel=_LEVEL, threads=threads, block_size=_PIECE) as packed:
        tar = _Tar(packed, until)
        content_bytes = _walk(folders, limit_bytes, until, tar.add_file)
        tar.end()
    tagged.note_content(content_bytes)
    return content_bytes


def content_bytes_of(archive: Path) -> int | None:
    """What `write_archive` gave back when it wrote this file; None for a file that it did not write."""
    with archive.open("rb") as file:
        head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        return None
    magic, _, _, _, _, subfield, _, content_bytes = _HEADER.unpack(head)
    if magic != b"\x1f\x8b\x08\x04" or subfield != _SUBFIELD:
        return None
    return int(content_bytes)


def measure_folders(folders: Mapping[str, Path], until: float = inf) -> int:
    """Bytes of the regular files, sparse files at their full length, what several hosts left once.

    Raises:
        ConflictingContents: as far as it shows without reading the files.
        UnsafeContents: something in the folder is refused.
        TookTooLong: it was not done at `until`, by time.monotonic().
    """
    return _walk(folders, None, until, None)


@contextmanager
def opened(name: str, shown_as: str, folder_fd: int | None = None) -> Iterator[tuple[int, os.stat_result]]:
    """A descriptor of a regular file that has no other name, and what is known of it.

    Raises:
        UnsafeContents: it is something else, or cannot be read.
    """
    fd, facts = _open(name, shown_as, folder_fd, _OPEN_FILE)
    try:
        if facts.st_nlink > 1:
            _refuse(shown_as, "has another name (a hard link), which may lie elsewhere; copy the file instead")
        yield fd, facts
    finally:
        os.close(fd)


def copy_exactly(
    fd: int, size: int, shown_as: str, facts: os.stat_result, write: Callable[[memoryview], object]
) -> None:
    """Hand over the `size` bytes that the file had when it was opened.

    Raises:
        UnsafeContents: the file changes meanwhile.
    """
    buffer = memoryview(bytearray(min(_PIECE, max(size, 1))))
    left = size
    while left:
        got = os.readv(fd, [buffer[: min(left, len(buffer))]])
        if got == 0:
            break
        write(buffer[:got])
        left -= got
    now = os.fstat(fd)
    if left or now.st_size != size or now.st_mtime_ns != facts.st_mtime_ns:
        _refuse(shown_as, "changed while it was read")


@dataclass(slots=True)
class _Level:
    """One folder on the way down, as each host left it."""

    fds: dict[str, int]
    """By host: those that have the folder."""
    path: str
    names: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """Still to be visited, the next one last, and the hosts that have it."""

    def close(self) -> None:
        for fd in self.fds.values():
            os.close(fd)


def _walk(
    roots: Mapping[str, Path],
    limit_bytes: int | None,
    until: float,
    on_file: Callable[[str, int, os.stat_result], None] | None,
) -> int:
    """Visit everything below the folders, as if they were one, in the order of names; gives back the files' bytes."""
    total = members = 0
    levels = [_level({host: (str(root), None) for host, root in roots.items()}, "")]
    try:
        while levels:
            level = levels[-1]
            if not level.names:
                levels.pop().close()
                continue
            name, hosts = level.names.pop()
            path = _checked_path(level.path, name)
            members += 1
            _require_time(until)
            if members > MAX_MEMBERS:
                raise UnsafeContents(f"The folder holds more than {MAX_MEMBERS:,} files and folders.")
            folders = {host: stat.S_ISDIR(_kind(name, path, level.fds[host])) for host in hosts}
            if any(folders.values()):
                _require_folders(path, folders)
                if len(levels) >= MAX_DEPTH:
                    _refuse(path, f"lies more than {MAX_DEPTH} folders deep")
                levels.append(_level({host: (name, level.fds[host]) for host in hosts}, path))
                continue
            with ExitStack() as stack:
                files = {host: stack.enter_context(opened(name, path, level.fds[host])) for host in hosts}
                fd, facts = files[hosts[0]]
                total += facts.st_size
                if limit_bytes is not None and total > limit_bytes:
                    raise TooLarge(total, limit_bytes)
                _require_same(path, files, to_the_byte=on_file is not None)
                if on_file is not None:
                    on_file(path, fd, facts)
    finally:
        for level in levels:
            level.close()
    return total


def _require_time(until: float) -> None:
    if time.monotonic() > until:
        raise TookTooLong("It is too much to be gathered in the time that there was for it.")


def _level(folders: Mapping[str, tuple[str, int | None]], path: str) -> _Level:
    level = _Level({}, path)
    hosts_of: dict[str, list[str]] = {}
    try:
        for host, (name, parent_fd) in folders.items():
            level.fds[host], _ = _open(name, path or "the folder itself", parent_fd, _OPEN_FOLDER)
            with os.scandir(level.fds[host]) as entries:
                for entry in entries:
                    hosts_of.setdefault(entry.name, []).append(host)
    except BaseException:
        level.close()
        raise
    # Backwards, since the next name is taken from the end.
    names = sorted(hosts_of, key=os.fsencode, reverse=True)
    level.names = [(name, tuple(hosts_of[name])) for name in names]
    return level


def _require_folders(path: str, folders: Mapping[str, bool]) -> None:
    """What is a folder on one host is one on all that have it."""
    files = [host for host, is_folder in folders.items() if not is_folder]
    if files:
        folder = next(host for host, is_folder in folders.items() if is_folder)
        raise ConflictingContents(f"{shown(path)} is a folder on {folder} and a file on {files[0]}.{_REMEDY}")


def _require_same(path: str, files: Mapping[str, tuple[int, os.stat_result]], *, to_the_byte: bool) -> None:
    """A file that several hosts left is the same on all of them."""
    (first_host, (first_fd, first_facts)), *others = files.items()
    for host, (fd, facts) in others:
        same = facts.st_size == first_facts.st_size
        if not same or (to_the_byte and not _same_bytes(first_fd, fd, facts.st_size)):
            raise ConflictingContents(f"{shown(path)} is not the same on {first_host} and {host}.{_REMEDY}")


def _same_bytes(one: int, other: int, size: int) -> bool:
    return all(os.pread(one, _PIECE, at) == os.pread(other, _PIECE, at) for at in range(0, size, _PIECE))


def _checked_path(folder: str, name: str) -> str:
    path = f"{folder}/{name}" if folder else name
    if fault := name_fault(name):
        _refuse(path, fault)
    if len(path.encode()) > MAX_NAME_BYTES:
        _refuse(path, f"has a path of more than {MAX_NAME_BYTES:,} bytes")
    return path


def _kind(name: str, path: str, folder_fd: int) -> int:
    """The mode of what is to be opened: a device is not opened to find out that it is one."""
    try:
        mode = os.stat(name, dir_fd=folder_fd, follow_symlinks=False).st_mode
    except OSError as error:
        _refuse(path, f"cannot be read ({error.strerror})")
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        _refuse(
            path, f"is {_KINDS.get(stat.S_IFMT(mode), 'of an unknown kind')}; only regular files and folders are taken"
        )
    return mode


def _open(name: str, path: str, folder_fd: int | None, flags: int) -> tuple[int, os.stat_result]:
    try:
        fd = os.open(name, flags, dir_fd=folder_fd)
    except PermissionError:
        fd = _open_forbidden(name, path, folder_fd, flags)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            _refuse(path, "is a link, or was swapped while it was read; only regular files and folders are taken")
        _refuse(path, f"cannot be read ({error.strerror})")
    facts = os.fstat(fd)
    wanted = stat.S_ISDIR if flags & os.O_DIRECTORY else stat.S_ISREG
    if not wanted(facts.st_mode):
        os.close(fd)
        _refuse(path, f"is {_KINDS.get(stat.S_IFMT(facts.st_mode), 'no regular file')}; only regular files are taken")
    return fd, facts


def _open_forbidden(name: str, path: str, folder_fd: int | None, flags: int) -> int:
    """Open what its owner, who is us, may not read: the permission is put right through a descriptor."""
    try:
        handle = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder_fd)
        try:
            mode = os.fstat(handle).st_mode
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                _refuse(path, "is neither a regular file nor a folder")
            itself = f"/proc/self/fd/{handle}"
            Path(itself).chmod(0o700 if stat.S_ISDIR(mode) else 0o600)
            return os.open(itself, flags & ~os.O_NOFOLLOW)
        finally:
            os.close(handle)
    except OSError as error:
        _refuse(path, f"cannot be read ({error.strerror})")


def _refuse(path: str, reason: str) -> NoReturn:
    raise UnsafeContents(f"{shown(path)} {reason}.") from None


class _Tar:
    """Writes the members of a tar: PAX where a name is long, nothing of the machine they come from."""

    def __init__(self, out: IO[bytes], until: float) -> None:
        self._out = out
        self._until = until

    def add_file(self, path: str, fd: int, facts: os.stat_result) -> None:
        """Add an open file."""
        member = tarfile.TarInfo(path)
        member.mode = 0o755 if facts.st_mode & 0o100 else 0o644
        member.size, member.mtime = facts.st_size, _CHANGED_AT
        self._out.write(member.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))
        copy_exactly(fd, facts.st_size, path, facts, self._write_in_time)
        self._out.write(b"\0" * (-facts.st_size % tarfile.BLOCKSIZE))

    def _write_in_time(self, piece: memoryview) -> None:
        _require_time(self._until)
        self._out.write(piece)

    def end(self) -> None:
        """Write the two empty blocks that end a tar."""
        self._out.write(b"\0" * (2 * tarfile.BLOCKSIZE))


class _Tagged:
    """Gives a gzip stream a header with room for the size of its contents."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._begun = False

    def write(self, data: bytes) -> int:
        """Pass on what the compressor writes, its ten-byte header replaced by ours."""
        if not self._begun:
            if not data.startswith(_PLAIN_HEADER) or len(data) < 10:
                raise ValueError("The compressor began with something other than a plain gzip header.")
            self._begun = True
            self._out.write(self._header(0))
            self._out.write(data[10:])
            return len(data)
        return self._out.write(data)

    def flush(self) -> None:
        """Pass it on."""
        self._out.flush()

    def note_content(self, content_bytes: int) -> None:
        """Fill in the size."""
        self._out.flush()
        os.pwrite(self._out.fileno(), self._header(content_bytes), 0)

    @staticmethod
    def _header(content_bytes: int) -> bytes:
        return _HEADER.pack(b"\x1f\x8b\x08\x04", 0, 0, 0xFF, 12, _SUBFIELD, 8, content_bytes)
