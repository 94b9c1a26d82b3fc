"""A sealed stream opens in its place alone, and whole: nothing of it can be changed, left out, moved or cut off."""

from __future__ import annotations

import io
import os
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from whiteroom.envelope.streams import CHUNK_BYTES, Sealing, Unsealing, sealed_bytes

KEY, PLACE = bytes(range(32)), "arn of a channel\nobject"
HEAD = 36
CHUNK = CHUNK_BYTES + 16
LENGTHS = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 17]


def sealed(plain: bytes, piece: int = -1, place: str = PLACE) -> bytes:
    stream = Sealing(io.BytesIO(plain), len(plain), KEY, place)
    found = b""
    while more := stream.read(piece):
        found += more
    return found


def opened(data: bytes, plain_bytes: int, piece: int = 1 << 30, key: bytes = KEY, place: str = PLACE) -> bytes | None:
    """What was sealed; None where the stream is not whole."""
    out = io.BytesIO()
    stream = Unsealing(out, plain_bytes, key, place)
    for start in range(0, len(data), piece):
        stream.write(data[start : start + piece])
    return out.getvalue() if stream.is_whole else None


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("piece", [7_919, CHUNK_BYTES, -1])
def test_what_was_sealed_opens_whatever_the_pieces_that_it_comes_in(length: int, piece: int) -> None:
    plain = os.urandom(length)
    found = sealed(plain, piece)
    assert len(found) == sealed_bytes(length)
    assert opened(found, length, 1 << 30 if piece < 0 else piece) == plain


def test_it_is_what_the_docs_say_that_any_program_can_open() -> None:
    plain = os.urandom(CHUNK_BYTES + 5)
    found = sealed(plain)
    assert found[:4] == b"WRS1"
    cipher = AESGCM(HKDF(SHA256(), 32, salt=found[4:HEAD], info=b"whiteroom stream 1").derive(KEY))
    first = cipher.decrypt(bytes(12), found[HEAD : HEAD + CHUNK], PLACE.encode())
    last = cipher.decrypt(bytes(10) + b"\1\1", found[HEAD + CHUNK :], PLACE.encode())
    assert first + last == plain


def test_no_two_streams_have_a_key_in_common() -> None:
    assert sealed(b"the same")[HEAD:] != sealed(b"the same")[HEAD:]
    assert sealed(b"the same")[4:HEAD] != sealed(b"the same")[4:HEAD]


LONG = os.urandom(3 * CHUNK_BYTES + 17)
CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "a bit of the name": lambda data: bytes((data[0] ^ 1,)) + data[1:],
    "a bit of the salt": lambda data: data[:9] + bytes((data[9] ^ 1,)) + data[10:],
    "a bit of a chunk": lambda data: data[: HEAD + CHUNK + 5] + bytes((data[HEAD + CHUNK + 5] ^ 1,))
    + data[HEAD + CHUNK + 6 :],
    "a bit of the last tag": lambda data: data[:-1] + bytes((data[-1] ^ 1,)),
    "cut in a chunk": lambda data: data[:-1],
    "cut between chunks": lambda data: data[: HEAD + 3 * CHUNK],
    "cut in the head": lambda data: data[:20],
    "nothing": lambda _data: b"",
    "chunks exchanged": lambda data: data[:HEAD] + data[HEAD + CHUNK : HEAD + 2 * CHUNK] + data[HEAD : HEAD + CHUNK]
    + data[HEAD + 2 * CHUNK :],
    "a chunk twice": lambda data: data[: HEAD + CHUNK] + data[HEAD : HEAD + CHUNK] + data[HEAD + 2 * CHUNK :],
    "a chunk left out": lambda data: data[: HEAD + CHUNK] + data[HEAD + 2 * CHUNK :],
    "more at the end": lambda data: data + b"x",
    "in plain": lambda _data: LONG,
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_one_that_was_changed_cut_or_reordered_opens_nowhere(change: str) -> None:
    altered = CHANGES[change](sealed(LONG))
    assert opened(altered, len(LONG)) is None
    assert opened(altered, len(LONG), piece=65_537) is None


def test_it_opens_by_its_key_in_its_place_and_with_its_length_alone() -> None:
    data = sealed(LONG)
    assert opened(data, len(LONG), place="arn of a channel\nanother") is None
    assert opened(data, len(LONG), key=bytes(32)) is None
    for length in (len(LONG) - 1, len(LONG) + 1, len(LONG) - CHUNK_BYTES, 0):
        assert opened(data, length) is None
    assert opened(sealed(LONG[: 2 * CHUNK_BYTES]), CHUNK_BYTES) is None


def test_nothing_of_a_broken_chunk_is_written_and_nothing_after_it() -> None:
    data = bytearray(sealed(LONG))
    data[HEAD + CHUNK] ^= 1
    out = io.BytesIO()
    stream = Unsealing(out, len(LONG), KEY, PLACE)
    stream.write(bytes(data))
    assert not stream.is_whole
    assert out.getvalue() == LONG[:CHUNK_BYTES]


def test_a_file_that_became_shorter_meanwhile_gives_a_stream_that_opens_nowhere() -> None:
    stream = Sealing(io.BytesIO(LONG[:-1]), len(LONG), KEY, PLACE)
    assert opened(stream.read(), len(LONG)) is None
    assert stream.read() == b""
