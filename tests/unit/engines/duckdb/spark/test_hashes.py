"""Hashes of several columns are those of one after the other, NULL or not."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.expressions import answers, translated
from whiteroom.engines.duckdb.spark.java import digests

_COLUMNS = {"s": "STRING", "i": "INT", "l": "BIGINT", "f": "FLOAT", "r": "DOUBLE", "b": "BINARY", "d": "DATE"}
_ROWS: list[tuple[Any, ...]] = [
    ("", 0, 0, 0.0, -0.0, b"", date(1970, 1, 1)),
    ("é😀\0\n", -1, -(2**63), float("nan"), float("inf"), b"\xff\0", date(1, 1, 1)),
    ("a" * 40, 2**31 - 1, 2**63 - 1, -0.0, float("nan"), b"x" * 33, date(9999, 12, 31)),
    (None,) * 7,
    (None, 1, None, 1.5, None, b"abc", None),
]


def _xx(row: tuple[Any, ...]) -> int:
    kinds = ["bytes", "int", "long", "float", "real", "bytes", "int"]
    seed = digests.SEED
    for kind, value in zip(kinds, row, strict=True):
        if value is not None:
            taken = value.encode() if isinstance(value, str) else value
            taken = (value - date(1970, 1, 1)).days if isinstance(value, date) else taken
            seed = digests.XX_KINDS[kind][1](taken, seed)
    return seed - (1 << 64) if seed >> 63 else seed


@pytest.mark.parametrize("count", range(1, 8))
def test_the_hash_of_several_columns_is_of_one_after_the_other(count: int) -> None:
    names = list(_COLUMNS)[:count]
    rows = [row[:count] for row in _ROWS]
    wanted = [_xx(row + (None,) * (7 - count)) for row in rows]
    assert answers(f"xxhash64({', '.join(names)})", {name: _COLUMNS[name] for name in names}, rows) == wanted


def test_two_columns_are_hashed_in_one_call() -> None:
    assert translated("xxhash64(s, i)", _COLUMNS).upper().count("SPARK_XXHASH64") == 1


@pytest.mark.parametrize("width", [0, 224, 256, 384, 512])
def test_a_digest_is_of_the_width_asked_for(width: int) -> None:
    texts = ["", "a", "é😀\0\n", None]
    name = f"sha{width or 256}"
    wanted = [None if text is None else hashlib.new(name, text.encode()).hexdigest() for text in texts]
    rows = [(text, width) for text in texts]
    for written in (str(width), "w"):
        assert answers(f"sha2(s, {written})", {"s": "STRING", "w": "INT"}, rows) == wanted
    assert answers("sha2(s, w)", {"s": "STRING", "w": "INT"}, [("a", 7), ("a", None)]) == [None, None]


def _murmur_by_words(data: bytes, seed: int) -> int:
    """Murmur3_x86_32.hashUnsafeBytes, line by line, in Java's integers."""

    def mixed(h1: int, k1: int) -> int:
        k1 = k1 * 0xCC9E2D51 % 2**32
        k1 = (k1 << 15) % 2**32 | k1 >> 17
        h1 ^= k1 * 0x1B873593 % 2**32
        h1 = (h1 << 13) % 2**32 | h1 >> 19
        return (h1 * 5 + 0xE6546B64) % 2**32

    h1, aligned = seed % 2**32, len(data) - len(data) % 4
    for at in range(0, aligned, 4):
        h1 = mixed(h1, int.from_bytes(data[at : at + 4], "little"))
    for at in range(aligned, len(data)):
        h1 = mixed(h1, int.from_bytes(data[at : at + 1], "little", signed=True) % 2**32)
    h1 ^= len(data)
    h1 = (h1 ^ h1 >> 16) * 0x85EBCA6B % 2**32
    h1 = (h1 ^ h1 >> 13) * 0xC2B2AE35 % 2**32
    return ((h1 ^ h1 >> 16) + 2**31) % 2**32 - 2**31


@given(st.binary(max_size=300), st.integers(-(2**31), 2**31 - 1))
def test_bytes_are_hashed_word_by_word_and_then_byte_by_byte(data: bytes, seed: int) -> None:
    assert digests.murmur_bytes(data, seed) == _murmur_by_words(data, seed)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**31), 2**31 - 1))
def test_whole_numbers_are_hashed_as_the_words_that_they_are(value: int, seed: int) -> None:
    assert digests.murmur_long(value, seed) == _murmur_by_words(value.to_bytes(8, "little", signed=True), seed)
    if -(2**31) <= value < 2**31:
        assert digests.murmur_int(value, seed) == _murmur_by_words(value.to_bytes(4, "little", signed=True), seed)
