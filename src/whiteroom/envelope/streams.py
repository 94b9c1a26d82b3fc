"""Sealed streams: as many bytes as a file has, sealed in chunks as they pass, for one place.

Four bytes of a name, 32 of salt, and chunks of AES-256-GCM. Each stream has a key of its own, which HKDF derives of the
data key and the salt; a chunk's nonce is its number and whether it is the last. So none can be changed, left out, put
elsewhere or cut off, nor the end of a stream.
"""

from __future__ import annotations

import os
from typing import Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK_BYTES: Final = 1 << 20
"""Of plain bytes; the last one has what is left, and is there even where that is nothing."""
_NAME: Final = b"WRS1"
_SALT_BYTES: Final = 32
_HEAD_BYTES: Final = len(_NAME) + _SALT_BYTES
_TAG_BYTES: Final = 16
_KEY_BYTES: Final = 32


class Reader(Protocol):
    """Gives bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most so many; none at the end."""


class Writer(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Take them all."""


def sealed_bytes(plain_bytes: int) -> int:
    """How long so many bytes are when they are sealed."""
    return _HEAD_BYTES + plain_bytes + _TAG_BYTES * _chunks(plain_bytes)


class Sealing:
    """Reads what a reader gives, sealed."""

    def __init__(self, reader: Reader, plain_bytes: int, key: bytes, place: str) -> None:
        """Seal exactly so many bytes; where there are fewer, what is read ends early and opens nowhere."""
        salt = os.urandom(_SALT_BYTES)
        self._reader, self._left_bytes = reader, plain_bytes
        self._cipher, self._place = _cipher(key, salt), place.encode()
        self._number, self._last = 0, _chunks(plain_bytes) - 1
        self._held = bytearray(_NAME + salt)

    def read(self, size: int = -1, /) -> bytes:
        """See Reader."""
        while (size < 0 or len(self._held) < size) and self._number <= self._last:
            wanted = min(CHUNK_BYTES, self._left_bytes)
            plain = self._reader.read(wanted)
            if len(plain) < wanted:  # the file became shorter: whoever reads it finds that out
                self._number = self._last + 1
                break
            self._left_bytes -= wanted
            nonce = _nonce(self._number, last=self._number == self._last)
            self._held += self._cipher.encrypt(nonce, plain, self._place)
            self._number += 1
        end = len(self._held) if size < 0 else size
        with memoryview(self._held) as held:
            given = bytes(held[:end])
        del self._held[:end]
        return given


class Unsealing:
    """Takes what `Sealing` gave, in pieces of any length, and writes what was sealed."""

    def __init__(self, writer: Writer, plain_bytes: int, key: bytes, place: str) -> None:
        """Open so many bytes that were sealed for that place; of what does not open nothing is written."""
        self._writer, self._left_bytes = writer, plain_bytes
        self._key, self._place = key, place.encode()
        self._cipher: AESGCM | None = None
        self._number, self._last = 0, _chunks(plain_bytes) - 1
        self._held = bytearray()
        self._is_broken = False

    @property
    def is_whole(self) -> bool:
        """Whether all of it came, as it was sealed, and nothing else."""
        return not self._is_broken and not self._held and self._number > self._last

    def write(self, data: bytes, /) -> int:
        """See Writer. It never fails: `is_whole` says what came of it."""
        if not self._is_broken:
            self._held += data
            try:
                self._open()
            except InvalidTag:
                self._is_broken = True
            if self._is_broken:
                self._held.clear()
        return len(data)

    def _open(self) -> None:
        if self._cipher is None:
            if len(self._held) < _HEAD_BYTES:
                return
            head = bytes(self._held[:_HEAD_BYTES])
            del self._held[:_HEAD_BYTES]
            self._is_broken = not head.startswith(_NAME)
            self._cipher = _cipher(self._key, head.removeprefix(_NAME))
        while not self._is_broken:
            if self._number > self._last:
                self._is_broken = bool(self._held)
                return
            plain_bytes = min(CHUNK_BYTES, self._left_bytes)
            length = plain_bytes + _TAG_BYTES
            if len(self._held) < length:
                return
            nonce = _nonce(self._number, last=self._number == self._last)
            with memoryview(self._held) as held, held[:length] as chunk:
                plain = self._cipher.decrypt(nonce, chunk, self._place)
            del self._held[:length]
            self._writer.write(plain)
            self._left_bytes -= plain_bytes
            self._number += 1


def _chunks(plain_bytes: int) -> int:
    return max(1, -(-plain_bytes // CHUNK_BYTES))


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(SHA256(), _KEY_BYTES, salt=salt, info=b"whiteroom stream 1").derive(key))


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes((last,))
