"""A folder of files that the kernel asks this process for: FUSE's protocol, as far as reading takes it.

Somebody else has mounted it, with the descriptor that `serve` reads (fuse(4); include/uapi/linux/fuse.h). Nothing in
the folder ever changes, so the kernel may keep whatever it was told.
"""

from __future__ import annotations

import errno
import os
import struct
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from threading import Lock, Thread
from typing import Final


class _Asks:
    """Operations of the protocol's that a folder is read by."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    OPEN = 14
    READ = 15
    STATFS = 17
    RELEASE = 18
    FLUSH = 25
    INIT = 26
    OPENDIR = 27
    READDIR = 28
    RELEASEDIR = 29
    INTERRUPT = 36
    DESTROY = 38
    BATCH_FORGET = 42


_UNANSWERED: Final = frozenset({_Asks.FORGET, _Asks.BATCH_FORGET})

_IN: Final = struct.Struct("=IIQQIIIHH")
"""Length, operation, number of the request, node, user, group, process, extensions, padding."""
_OUT: Final = struct.Struct("=IiQ")
"""Length, error, number of the request."""
_ATTRIBUTES: Final = struct.Struct("=QQQQQQIIIIIIIIII")
_ENTRY: Final = struct.Struct("=QQQQII")
_ATTRIBUTES_OUT: Final = struct.Struct("=QII")
_INIT_IN: Final = struct.Struct("=IIII")
_INIT_OUT: Final = struct.Struct("=IIIIHHIIHHIIH22x")
_OPEN_OUT: Final = struct.Struct("=QIi")
_READ_IN: Final = struct.Struct("=QQII")
_STATFS_OUT: Final = struct.Struct("=QQQQQIIII24x")
_ENTRY_OF_FOLDER: Final = struct.Struct("=QQII")
_NUMBER: Final = struct.Struct("=Q")

_VERSION, _OLDEST_MINOR = (7, 31), 23
_ASYNC_READ, _PARALLEL_LOOKUPS, _MAX_PAGES = 1 << 0, 1 << 18, 1 << 22
_KEEP_CACHE: Final = 1 << 1
_MOST_PAGES, _PAGE_BYTES = 256, 4096
_AT_ONCE: Final = 64
"""Requests that the kernel makes for whom nobody waits: it reads ahead by them."""
_FOR_EVER: Final = 10**9
"""Seconds."""
_ROOT: Final = 1
_FIRST_FILE: Final = 2
_FILE_MODE, _FOLDER_MODE = 0o100444, 0o040555
_REQUEST_BYTES: Final = 1 << 17
_THREADS: Final = 2


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A file in the folder."""

    name: str
    size_bytes: int


class Reply:
    """Answers one read, once: from any thread, now or later."""

    def __init__(self, folder: ServedFolder, number: int) -> None:
        self._folder = folder
        self._number = number

    def give(self, data: bytes) -> None:
        """With bytes."""
        self._folder.answer(self._number, data)

    def fail(self) -> None:
        """With EIO."""
        self._folder.answer(self._number, b"", errno.EIO)

    @property
    def is_wanted(self) -> bool:
        """Whether whoever asked still waits."""
        return self._folder.awaits(self._number)


Read = Callable[[int, int, int, int, Reply], None]
"""Is called with the file's number, the opening's, where to begin, how many bytes, and what takes the answer."""


class ServedFolder:
    """One mounted folder."""

    def __init__(self, handle: int, files: Sequence[ServedFile], read: Read) -> None:
        """Serve nothing yet.

        Args:
            handle: of /dev/fuse, mounted.
            files: what is in the folder.
            read: begins an answer, without waiting for anything.
        """
        self._handle = handle
        self._files = files
        self._read = read
        self._nodes = {file.name: _FIRST_FILE + number for number, file in enumerate(files)}
        self._entries = [(_ROOT, 4, "."), (_ROOT, 4, ".."), *((node, 8, name) for name, node in self._nodes.items())]
        self._owner = (os.getuid(), os.getgid())
        self._at = int(time.time())
        self._lock = Lock()
        self._reading: set[int] = set()
        self._openings = count(1)

    def serve(self) -> None:
        """Begin; it ends when the folder is mounted nowhere any more."""
        for _ in range(_THREADS):
            Thread(target=self._answer_all, daemon=True, name="fuse").start()

    def awaits(self, number: int) -> bool:
        """Whether a read is still to be answered."""
        return number in self._reading

    def answer(self, number: int, data: bytes, error: int = 0) -> None:
        """Answer a read, unless it has been."""
        with self._lock:
            if number not in self._reading:
                return
            self._reading.discard(number)
        self._send(number, data, error)

    def _answer_all(self) -> None:
        while True:
            try:
                request = os.read(self._handle, _REQUEST_BYTES)
            except OSError as error:
                if error.errno in {errno.ENOENT, errno.EINTR, errno.EAGAIN}:
                    continue  # given up before it was read
                return
            if len(request) < _IN.size:
                return
            _, operation, number, node, *_ = _IN.unpack_from(request)
            try:
                self._answer_one(operation, number, node, request[_IN.size :])
            except Exception:  # noqa: BLE001 - whoever asked is answered, and so is the next one
                traceback.print_exc()
                (self.answer if operation == _Asks.READ else self._send)(number, b"", errno.EIO)

    def _answer_one(self, operation: int, number: int, node: int, body: bytes) -> None:
        if operation == _Asks.READ:
            opening, start, length, _ = _READ_IN.unpack_from(body)
            with self._lock:
                self._reading.add(number)
            self._read(node - _FIRST_FILE, opening, start, length, Reply(self, number))
        elif operation == _Asks.INTERRUPT:
            (interrupted,) = _NUMBER.unpack_from(body)
            self.answer(interrupted, b"", errno.EINTR)
        elif operation not in _UNANSWERED:
            try:
                self._send(number, self._fact(operation, node, body))
            except OSError as error:
                self._send(number, b"", error.errno or errno.EIO)

    def _fact(self, operation: int, node: int, body: bytes) -> bytes:  # noqa: PLR0911 - one row for each operation
        match operation:
            case _Asks.INIT:
                return _hello(body)
            case _Asks.LOOKUP:
                return self._entry(body.rstrip(b"\0").decode(errors="surrogateescape"))
            case _Asks.GETATTR:
                return _ATTRIBUTES_OUT.pack(_FOR_EVER, 0, 0) + self._attributes(node)
            case _Asks.OPEN | _Asks.OPENDIR:
                return _OPEN_OUT.pack(next(self._openings), _KEEP_CACHE, 0)
            case _Asks.READDIR:
                _, start, length, _ = _READ_IN.unpack_from(body)
                return self._listing(start, length)
            case _Asks.STATFS:
                pages = sum(-(-file.size_bytes // _PAGE_BYTES) for file in self._files)
                return _STATFS_OUT.pack(pages, 0, 0, len(self._files), 0, _PAGE_BYTES, 255, _PAGE_BYTES, 0)
            case _Asks.RELEASE | _Asks.FLUSH | _Asks.RELEASEDIR | _Asks.DESTROY:
                return b""
        raise OSError(errno.ENOSYS, "")

    def _entry(self, name: str) -> bytes:
        node = self._nodes.get(name)
        if node is None:
            raise OSError(errno.ENOENT, "")
        return _ENTRY.pack(node, 0, _FOR_EVER, _FOR_EVER, 0, 0) + self._attributes(node)

    def _attributes(self, node: int) -> bytes:
        is_folder = node == _ROOT
        size_bytes = 0 if is_folder else self._files[node - _FIRST_FILE].size_bytes
        mode, links = (_FOLDER_MODE, 2) if is_folder else (_FILE_MODE, 1)
        times = (self._at, self._at, self._at, 0, 0, 0)
        return _ATTRIBUTES.pack(
            node, size_bytes, -(-size_bytes // 512), *times, mode, links, *self._owner, 0, _PAGE_BYTES, 0
        )

    def _listing(self, start: int, length: int) -> bytes:
        listing = b""
        for number in range(start, len(self._entries)):
            node, kind, name = self._entries[number]
            raw = os.fsencode(name)
            entry = _ENTRY_OF_FOLDER.pack(node, number + 1, len(raw), kind) + raw
            entry += bytes(-len(entry) % 8)
            if len(listing) + len(entry) > length:
                break
            listing += entry
        return listing

    def _send(self, number: int, data: bytes, error: int = 0) -> None:
        try:
            os.writev(self._handle, [_OUT.pack(_OUT.size + len(data), -error, number), data])
        except OSError as problem:
            # Nobody waits for it any more, or the folder is mounted nowhere.
            if problem.errno not in {errno.ENOENT, errno.ENODEV, errno.EBADF}:
                raise


def _hello(body: bytes) -> bytes:
    major, minor, ahead_bytes, offered = _INIT_IN.unpack_from(body)
    if major < _VERSION[0] or (major == _VERSION[0] and minor < _OLDEST_MINOR):
        raise OSError(errno.EPROTO, "")
    taken = offered & (_ASYNC_READ | _PARALLEL_LOOKUPS | _MAX_PAGES)
    return _INIT_OUT.pack(
        *_VERSION,
        max(ahead_bytes, _MOST_PAGES * _PAGE_BYTES),
        taken,
        _AT_ONCE,
        _AT_ONCE * 3 // 4,
        _PAGE_BYTES,
        1,
        _MOST_PAGES,
        0,
        0,
        0,
        0,
    )
