"""Packing what a job left behind: an untrusted folder becomes a .tar.gz.

What goes into it: walking.py. The archive holds only regular files: their names say in
which folders they are, and the target of a link is copied. The same contents give the
same bytes: names are sorted, and owners, times and all permissions but the executable bit
are fixed.

The size of the contents is in a field of the archive's gzip header. It can be read without
unpacking, and no crash can separate the two.
"""

from __future__ import annotations

import os
import struct
import tarfile
from collections.abc import Callable, Mapping
from math import inf
from pathlib import Path
from typing import IO, Final

from isal import igzip_threaded

from whiteroom.data.opening import PIECE, copy_exactly
from whiteroom.data.walking import Found, require_time, walk

_LEVEL: Final = 1
_MAX_THREADS: Final = 4
_CHANGED_AT: Final = 315_532_800
"""1980-01-01, the earliest time that every archive format can say."""

_PLAIN_HEADER: Final = b"\x1f\x8b\x08\x00"
# RFC 1952: FLG.FEXTRA, no time, unknown system; one subfield `Wr` of eight bytes.
_HEADER: Final = struct.Struct("<4sIBBH2sHQ")
_SUBFIELD: Final = b"Wr"


def write_archive(
    folders: Mapping[str, Path],
    out: IO[bytes],
    limit_bytes: int | None,
    until: float = inf,
    links: str | None = None,
) -> Found:
    """Write the folders, merged, to `out`, which must be at its start and seekable.

    Args:
        folders: by host, what each left.
        out: takes the archive.
        limit_bytes: the most that the files may hold.
        until: when it is given up, by time.monotonic().
        links: where the program saw its folder; None follows no link.

    Raises:
        ConflictingContents: hosts left different contents under one path.
        UnsafeContents: something in the folder is refused.
        TooLarge: the files hold more than `limit_bytes`. What was written until then is of no use.
        TookTooLong: it was not done at `until`. Likewise.
    """
    tagged = _Tagged(out)
    threads = min(len(os.sched_getaffinity(0)), _MAX_THREADS)
    open_packed: Callable[..., IO[bytes]] = igzip_threaded.open
    with open_packed(tagged, "wb", compresslevel=_LEVEL, threads=threads, block_size=PIECE) as packed:
        tar = _Tar(packed, until)
        found = walk(folders, limit_bytes, until, tar.add_file, links)
        tar.end()
    tagged.note_content(found.content_bytes)
    return found


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
        require_time(self._until)
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
