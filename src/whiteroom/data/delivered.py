"""Reading what was delivered into a folder of this machine: by descriptor, from the top, without following links."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from whiteroom.base.machine_errors import machine_error_of
from whiteroom.base.real_paths import OPEN_FILE
from whiteroom.data.opening import OPEN_FOLDER
from whiteroom.domain.execution.deliveries import DeliveredFile
from whiteroom.ports.deliveries import DeliveryGone

_GONE = (
    "The file is not on this server: it went to the bucket of its location, where any client of S3 finds it, or it was "
    "moved or removed. Ask the operator for it."
)
_OTHER = "The file is not the one that was delivered. Ask the operator for it."


class OpenedFile:
    """Implements `ports.DeliveredBytes`."""

    def __init__(self, fd: int, start: int, length: int) -> None:
        """Read `length` bytes from `start` on of an open file, which is this object's to close."""
        self._fd = fd
        self._at = start
        self._end = start + length

    def read(self, limit_bytes: int) -> bytes:
        """See `ports.DeliveredBytes.read`."""
        wanted = min(limit_bytes, self._end - self._at)
        if not wanted:
            return b""
        got = os.pread(self._fd, wanted, self._at)
        if not got:
            raise DeliveryGone(_OTHER)
        self._at += len(got)
        return got

    def close(self) -> None:
        """See `ports.DeliveredBytes.close`."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def opened_below(root: Path, parts: Sequence[str], file: DeliveredFile, start: int, length: int | None) -> OpenedFile:
    """Open the file at `parts` below `root`.

    Raises:
        DeliveryGone: it is not there, is no regular file, or has another size than it was delivered with.
    """
    try:
        fd = _open(root, parts)
    except OSError as error:
        if machine_error_of(error):
            raise
        raise DeliveryGone(_GONE) from error
    facts = os.fstat(fd)
    if not stat.S_ISREG(facts.st_mode) or facts.st_size != file.size_bytes:
        os.close(fd)
        raise DeliveryGone(_OTHER)
    return OpenedFile(fd, start, file.size_bytes - start if length is None else length)


def _open(root: Path, parts: Sequence[str]) -> int:
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    for number, name in enumerate(parts, 1):
        try:
            below = os.open(name, OPEN_FILE if number == len(parts) else OPEN_FOLDER, dir_fd=fd)
        finally:
            os.close(fd)
        fd = below
    return fd
