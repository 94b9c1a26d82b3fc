"""Errors of the machine that may pass: a full disk, a read-only file system, a locked database.

No fault of whoever asked, and mended by the operator: then the same is tried again. So a request is answered with an
internal error, a controller's step waits, and the server's log has one sentence, not where it came from.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Mapping


class Trouble(Exception):
    """What the server is on lacks something, in a sentence or two for the operator of whoever found it out."""


_FULL = "Make room on its file system, or raise the quota of the server's user"
_READ_ONLY = "Find out why in the system's log, mend it, and mount it for writing again"
_BROKEN = "The disk may be full or failing: the system's log has more"
_HANDLES = "Raise the limit of open files of the server's user"

_OF_THE_KERNEL: Mapping[int, str] = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EIO: _BROKEN,
    errno.EMFILE: _HANDLES,
    errno.ENFILE: _HANDLES,
}

_OF_SQLITE: Mapping[int, str] = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: "Its file system or its files have become read-only. " + _READ_ONLY,
    sqlite3.SQLITE_IOERR: _BROKEN,
    sqlite3.SQLITE_CANTOPEN: "Its file, or its folder, is gone or cannot be entered. Put it back",
    sqlite3.SQLITE_BUSY: "Another process holds it: end a backup or a shell that is open on it",
    sqlite3.SQLITE_NOMEM: "The machine has no memory left for it",
    sqlite3.SQLITE_CORRUPT: "It is damaged. Stop the server, and restore the folder from a backup",
    sqlite3.SQLITE_NOTADB: "It is damaged. Stop the server, and restore the folder from a backup",
}
"""By primary result code."""


def remedy_of(error: BaseException) -> str | None:
    """What the operator can do about it; None where the error says nothing of the machine."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)  # the driver's own errors have none
        return None if code is None else _OF_SQLITE.get(code & 0xFF)
    if isinstance(error, OSError) and error.errno is not None:
        return _OF_THE_KERNEL.get(error.errno)
    return None


def machine_error_of(error: BaseException) -> str | None:
    """A sentence or two for the operator; None where the error says nothing of the machine."""
    if isinstance(error, Trouble):
        return str(error)
    remedy = remedy_of(error)
    if remedy is None:
        return None
    if isinstance(error, OSError):
        place = "A file of the server's" if error.filename is None else os.fsdecode(error.filename)
        return f"{place} cannot be used: {error.strerror}. {remedy}."
    return f"The database cannot be used: {error}. {remedy}."
