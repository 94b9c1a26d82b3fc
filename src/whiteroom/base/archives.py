"""Opening a .tar.gz that somebody else wrote.

Standard library only: the supervisor of a run uses it under `python -I -S`. It takes what
data/archive.py writes and what `tar czf` makes of plain files; whatever else an archive
may hold (links, devices, sparse files, names that lead out) is refused with the reason.

UnsafeArchive                 the archive holds what no model needs, or is damaged
└── ArchiveTooLarge           its files hold more bytes than the limit
"""

from __future__ import annotations

import os
import tarfile
import zlib
from pathlib import Path
from typing import BinaryIO, Final

MAX_DEPTH: Final = 128
"""Folders that a name may be below: each costs an open descriptor while it is walked."""
MAX_NAME_BYTES: Final = 4_000
"""Of a whole relative name; beyond 4,096 no program can open it by its path."""
MAX_MEMBERS: Final = 1_000_000
"""Files and folders of one archive: an empty one still costs an inode."""

_BLOCK: Final = tarfile.BLOCKSIZE
_PIECE: Final = 1 << 20
_MAX_EXTENSION_BYTES: Final = 64 << 10
_MAX_PADDING_BYTES: Final = 1 << 20
_DIRECTORY_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_CONTROLS: Final = frozenset(
    map(chr, (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A)))
)
"""Control characters, line and paragraph separators, and what turns the direction of writing around (Unicode's UAX 9),
so that a name reads as another."""

_REFUSED_KINDS: Final = {
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.LNKTYPE: "a hard link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a FIFO",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
    tarfile.GNUTYPE_LONGLINK: "a link",
}


class UnsafeArchive(ValueError):
    """The archive is damaged, or holds more than regular files and folders under plain relative names."""


class ArchiveTooLarge(UnsafeArchive):
    """The archive's files hold more bytes than the limit allows."""


def shown(name: str | bytes) -> str:
    """A name that a stranger chose, fit for a message: one line, printable, not endless."""
    text = os.fsdecode(name)
    text = "".join(c if c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF else f"\\x{ord(c) & 0xFF:02x}" for c in text)
    return text if len(text) <= 200 else f"{text[:120]}...{text[-60:]}"


def name_fault(name: str) -> str | None:
    """Why no file may have this single name; None if it may."""
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        return "is not a plain name"
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    if len(encoded) > 255:
        return "has a name of more than 255 bytes"
    if "\\" in name:
        return "has a backslash in its name, which leads into another folder on some machines"
    if not _CONTROLS.isdisjoint(name):
        return "has control characters in its name"
    return None


def unpack(archive: Path, folder: Path, limit_bytes: int) -> None:
    """Write the archive's files and folders below `folder`, which must exist and hold nothing of these names.

    Owners, times, attributes and all permissions but the executable bit are dropped. The
    limit is held against what the archive announces, before a byte is written. After a
    refusal the folder holds a part: the caller throws it away.

    Raises:
        UnsafeArchive: the archive is damaged or holds what is refused; the message names it.
        ArchiveTooLarge: its regular files hold more than `limit_bytes`.
    """
    with archive.open("rb") as raw:
        stream = _Gunzip(raw)
        tree = _Tree(folder)
        try:
            _unpack_members(stream, tree, limit_bytes)
        finally:
            tree.close()
        stream.drain()


def _unpack_members(stream: _Gunzip, tree: _Tree, limit_bytes: int) -> None:
    left = limit_bytes
    for _ in range(MAX_MEMBERS):
        member = _next_member(stream)
        if member is None:
            return
        parts = _parts(member.name)
        if member.isdir():
            tree.enter(parts)
            stream.skip(member.size)
        elif not parts:
            raise UnsafeArchive("The archive holds a file without a name.")
        else:
            left -= member.size
            if left < 0:
                raise ArchiveTooLarge(f"The archive's files hold more than the {limit_bytes:,} bytes that are allowed.")
            _write_file(stream, tree, parts, member)
    raise UnsafeArchive(f"The archive holds more than {MAX_MEMBERS:,} files and folders.")


def _write_file(stream: _Gunzip, tree: _Tree, parts: list[str], member: tarfile.TarInfo) -> None:
    parent = tree.enter(parts[:-1])
    mode = 0o755 if member.mode & 0o100 else 0o644
    try:
        out = os.open(parts[-1], _CREATE_FLAGS, mode, dir_fd=parent)
    except FileExistsError:
        raise UnsafeArchive(f"The archive holds {shown(member.name)} twice.") from None
    with os.fdopen(out, "wb", buffering=0) as file:
        left = member.size
        while left:
            left -= file.write(stream.read(min(left, _PIECE)))
    stream.skip(-member.size % _BLOCK)


def _parts(name: str) -> list[str]:
    """The folders and the name that a member's path is made of; `./a` is `a`, and `.` is nothing."""
    if name.startswith("/"):
        raise UnsafeArchive(f"The archive holds {shown(name)}, an absolute name.")
    parts = [part for part in name.split("/") if part not in {"", "."}]
    for part in parts:
        if fault := name_fault(part):
            raise UnsafeArchive(f"The archive holds {shown(name)}, which {fault}.")
    if len(parts) > MAX_DEPTH or len(name.encode()) > MAX_NAME_BYTES:
        raise UnsafeArchive(f"The archive holds {shown(name)}, which lies too deep.")
    return parts


def _next_member(stream: _Gunzip) -> tarfile.TarInfo | None:
    """The next file or folder, with what its extension headers say of it; None at the end of the archive."""
    path: str | None = None
    size: int | None = None
    while True:
        block = stream.read(_BLOCK)
        if not any(block):
            return None
        try:
            member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.HeaderError as error:
            raise UnsafeArchive(f"The archive is damaged: {error}.") from None
        if member.size < 0:
            raise UnsafeArchive("The archive is damaged: a size below zero.")
        if member.type in {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE}:
            records = _pax_records(_extension(stream, member))
            if member.type == tarfile.XGLTYPE:
                if "path" in records or "size" in records:
                    raise UnsafeArchive("The archive gives all its files one name or size.")
                continue
            path, size = records.get("path", path), _pax_size(records, size)
        elif member.type == tarfile.GNUTYPE_LONGNAME:
            path = _extension(stream, member).split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
        else:
            member.name = member.name if path is None else path
            member.size = member.size if size is None else size
            if member.type not in {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE, tarfile.DIRTYPE}:
                kind = _REFUSED_KINDS.get(member.type, "something of an unknown kind")
                raise UnsafeArchive(
                    f"The archive holds {shown(member.name)}, {kind}; only regular files and folders are taken."
                )
            return member


def _extension(stream: _Gunzip, header: tarfile.TarInfo) -> bytes:
    if header.size > _MAX_EXTENSION_BYTES:
        raise UnsafeArchive(f"The archive holds a header of {header.size:,} bytes.")
    data = stream.read(header.size)
    stream.skip(-header.size % _BLOCK)
    return data


def _pax_records(data: bytes) -> dict[str, str]:
    """The records of a PAX header: `LENGTH KEY=VALUE` and a line feed each."""
    records: dict[str, str] = {}
    while data and data[0]:
        digits, space, _ = data[:16].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record = data[len(digits) + 1 : length]
        key, equals, value = record.partition(b"=")
        if not space or not equals or length > len(data) or not value.endswith(b"\n"):
            raise UnsafeArchive("The archive is damaged: a PAX header that cannot be read.")
        if key.startswith(b"GNU.sparse"):
            raise UnsafeArchive("The archive holds a sparse file; only regular files and folders are taken.")
        records[key.decode("utf-8", "replace")] = value[:-1].decode("utf-8", "surrogateescape")
        data = data[length:]
    return records


def _pax_size(records: dict[str, str], otherwise: int | None) -> int | None:
    text = records.get("size")
    if text is None:
        return otherwise
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise UnsafeArchive("The archive is damaged: a size that is not a number.")
    return int(text)


class _Tree:
    """The folder being written, walked by descriptor so that no name can lead out of it."""

    def __init__(self, root: Path) -> None:
        self._names: list[str] = []
        self._fds = [os.open(root, _DIRECTORY_FLAGS)]

    def enter(self, parts: list[str]) -> int:
        """The descriptor of the folder `parts`, made where it is missing. It is this object's to close."""
        kept = 0
        while kept < min(len(parts), len(self._names)) and parts[kept] == self._names[kept]:
            kept += 1
        while len(self._names) > kept:
            self._names.pop()
            os.close(self._fds.pop())
        for part in parts[kept:]:
            try:
                self._fds.append(self._open(part))
            except OSError as error:
                raise UnsafeArchive(f"The archive's folder {shown(part)} cannot be made: {error.strerror}.") from None
            self._names.append(part)
        return self._fds[-1]

    def _open(self, name: str) -> int:
        try:
            return os.open(name, _DIRECTORY_FLAGS, dir_fd=self._fds[-1])
        except FileNotFoundError:
            os.mkdir(name, 0o755, dir_fd=self._fds[-1])
            return os.open(name, _DIRECTORY_FLAGS, dir_fd=self._fds[-1])

    def close(self) -> None:
        while self._fds:
            os.close(self._fds.pop())


class _Gunzip:
    """Reads exactly what is asked for out of a gzip file: a bomb costs only the piece that is being read."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._inflate = zlib.decompressobj(wbits=31)
        self._pending = b""
        self._held = bytearray()
        self._ended = False

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes.

        Raises:
            UnsafeArchive: the file ends before, or is no gzip file.
        """
        while len(self._held) < size and not self._ended:
            self._fill()
        if len(self._held) < size:
            raise UnsafeArchive("The archive is damaged: it ends in the middle.")
        piece = bytes(self._held[:size])
        del self._held[:size]
        return piece

    def skip(self, size: int) -> None:
        while size > 0:
            size -= len(self.read(min(size, _PIECE)))

    def drain(self) -> None:
        """Read what is left, which lets the check sum be checked; there may only be padding."""
        seen = 0
        while not self._ended:
            seen += len(self._held)
            self._held.clear()
            if seen > _MAX_PADDING_BYTES:
                raise UnsafeArchive("The archive goes on after its end.")
            self._fill()

    def _fill(self) -> None:
        data = self._pending or self._raw.read(_PIECE // 4)
        self._pending = b""
        if self._inflate.eof:
            if not data:
                self._ended = True
                return
            data = data.lstrip(b"\0")  # a gzip file may be padded, and may go on with another member
            if not data:
                return
            self._inflate = zlib.decompressobj(wbits=31)
        try:
            piece = self._inflate.decompress(data, _PIECE)
        except zlib.error:
            raise UnsafeArchive("The archive is damaged, or is not a .tar.gz file.") from None
        if not data and not piece:
            raise UnsafeArchive("The archive is damaged: it ends in the middle.")
        self._held += piece
        self._pending = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail
