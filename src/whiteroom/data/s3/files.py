"""Files of this machine on their way to objects and back, hashed as they pass.

Each way is a stream of bytes; where they are sealed, envelope/streams.py is in between.
"""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from math import inf
from pathlib import Path
from typing import IO, Final

from whiteroom.base.machine_errors import Trouble
from whiteroom.data.archive import content_bytes_of
from whiteroom.data.opening import refuse
from whiteroom.data.s3.manifests import BLOCK_BYTES, KeptFile, ResourceKey
from whiteroom.data.s3.objects import Objects
from whiteroom.data.walking import require_time
from whiteroom.envelope.streams import Reader, Sealing, Unsealing, Writer, sealed_bytes

_PIECE: Final = 1 << 20


class _Reading:
    """An open file, from its start, as it was when it was opened."""

    def __init__(self, fd: int, size_bytes: int, until: float, *, by_block: bool = False) -> None:
        self._fd, self._left_bytes, self._until = fd, size_bytes, until
        self._at = 0
        self._digest = hashlib.sha256()
        self._blocks: list[hashlib._Hash] | None = [] if by_block else None

    def read(self, size: int = -1, /) -> bytes:
        """See bucket.Reader."""
        pieces = []
        wanted = self._left_bytes if size < 0 else min(size, self._left_bytes)
        while wanted:
            require_time(self._until)
            piece = os.pread(self._fd, min(wanted, _PIECE, BLOCK_BYTES - self._at % BLOCK_BYTES), self._at)
            if not piece:
                break
            self._digest.update(piece)
            self._add_to_block(piece)
            self._at += len(piece)
            self._left_bytes -= len(piece)
            wanted -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    @property
    def blocks(self) -> str:
        """See KeptFile.blocks."""
        return base64.b64encode(b"".join(block.digest() for block in self._blocks or ())).decode()

    def _add_to_block(self, piece: bytes) -> None:
        if self._blocks is not None:
            if self._at % BLOCK_BYTES == 0:
                self._blocks.append(hashlib.sha256())
            self._blocks[-1].update(piece)


class _Writing:
    """A file that takes bytes, and no more of them than are expected."""

    def __init__(self, out: IO[bytes], size_bytes: int) -> None:
        self._out, self._left_bytes = out, size_bytes
        self._digest = hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        """See bucket.Writer."""
        self._left_bytes -= len(data)
        if self._left_bytes >= 0:
            self._digest.update(data)
            self._out.write(data)
        return len(data)

    def is_what_was_kept(self, file: KeptFile) -> bool:
        return self._left_bytes == 0 and self._digest.hexdigest() == file.sha256


def digest_of(fd: int, size_bytes: int, until: float = inf) -> str:
    """The SHA-256 of an open file, in hexadecimal digits."""
    reading = _Reading(fd, size_bytes, until)
    while reading.read(_PIECE):
        pass
    return reading.sha256


def send(
    objects: Objects,
    folder: str,
    name: str,
    fd: int,
    facts: os.stat_result,
    until: float = inf,
    key: ResourceKey | None = None,
) -> KeptFile:
    """Write an open file to a new object in `folder`, sealed where there is a key.

    Raises:
        UnsafeContents: the file changes meanwhile.
        TookTooLong: it was not done at `until`.
        Trouble: the store did not take it.
    """
    own = uuid.uuid4().hex
    # What is sealed is never read by ranges.
    reading = _Reading(fd, facts.st_size, until, by_block=key is None)
    reader: Reader = reading
    size_bytes = facts.st_size
    if key is not None:
        reader = Sealing(reading, facts.st_size, key.key, place_of(f"{folder}{own}", key))
        size_bytes = sealed_bytes(facts.st_size)
    objects.upload(f"{folder}{own}", reader, size_bytes)
    now = os.fstat(fd)
    if now.st_size != facts.st_size or now.st_mtime_ns != facts.st_mtime_ns:
        refuse(name, "changed while it was read")
    content_bytes = content_bytes_of(Path(f"/proc/self/fd/{fd}"))
    mode = facts.st_mode & 0o777
    return KeptFile(name, facts.st_size, reading.sha256, own, mode, content_bytes, key is not None, reading.blocks)


def receive(objects: Objects, folder: str, file: KeptFile, target: Path, key: ResourceKey | None) -> None:
    """Bring a file that is kept to `target`, down to the disk, opened by the key where it is sealed.

    Raises:
        Trouble: its object is gone, or is not what was kept.
    """
    name = f"{folder}{file.object}"
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as out:
        writing = _Writing(out, file.size_bytes)
        writer: Writer = writing
        size_bytes = file.size_bytes
        if file.is_sealed and key is not None:
            writer = Unsealing(writing, file.size_bytes, key.key, place_of(name, key))
            size_bytes = sealed_bytes(file.size_bytes)
        try:
            objects.download(name, writer, size_bytes)
        except FileNotFoundError:
            raise Trouble(
                f"{objects.shown(name)} is gone, which holds the file {file.name} of what is kept. Restore it from a "
                "backup; nothing else can bring it back."
            ) from None
        if not writing.is_what_was_kept(file) or (isinstance(writer, Unsealing) and not writer.is_whole):
            raise Trouble(
                f"{objects.shown(name)} is not what was kept of the file {file.name} ({file.size_bytes:,} bytes, "
                f"SHA-256 {file.sha256}): somebody has changed it, and it is not used. Restore it from a backup."
            )
        os.fchmod(out.fileno(), file.mode | 0o600)
        out.flush()
        os.fsync(out.fileno())


def place_of(name: str, key: ResourceKey) -> str:
    """What an object is sealed as: one that is moved to another name, or to another resource, opens nowhere."""
    return f"{key.context}\n{name}"
