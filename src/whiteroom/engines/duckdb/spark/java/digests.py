"""Hashes of values: Spark's `hash` (Murmur3), `xxhash64` and `sha2`.

Sources: org.apache.spark.unsafe.hash.Murmur3_x86_32, org.apache.spark.sql.catalyst.expressions.XXH64 (3.5).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from hashlib import sha224, sha256, sha384, sha512
from typing import Any

from xxhash import xxh64_intdigest

SEED = 42
"""Of both hashes, and the hash of a row of NULLs."""

_32 = 0xFFFFFFFF
_INT, _LONG = struct.Struct("<i"), struct.Struct("<q")
_SHA2 = {0: sha256, 224: sha224, 256: sha256, 384: sha384, 512: sha512}


def sha2(data: bytes, width: int) -> str | None:
    """The digest in hexadecimal; None for a width that SHA-2 does not have."""
    made = _SHA2.get(width)
    return None if made is None else made(data).hexdigest()


def sha2_224(data: bytes) -> str:
    """The digest of 224 bits in hexadecimal."""
    return sha224(data).hexdigest()


def sha2_384(data: bytes) -> str:
    """The digest of 384 bits in hexadecimal."""
    return sha384(data).hexdigest()


def sha2_512(data: bytes) -> str:
    """The digest of 512 bits in hexadecimal."""
    return sha512(data).hexdigest()


# Murmur3: words are scrambled, then mixed in one after the other; bits beyond the 32nd are cut off at the end of a step

_WORDS = [struct.Struct(f"<{count}I") for count in range(65)]


def _scrambled(word: int) -> int:
    word = word * 0xCC9E2D51 & _32
    return (word << 15 | word >> 17) * 0x1B873593 & _32


class _Scrambled(dict[int, int]):
    """Words of texts come again and again: many of them are kept, scrambled."""

    most = 1 << 16

    def __missing__(self, word: int) -> int:
        found = _scrambled(word)
        if len(self) < self.most:
            self[word] = found
        return found


_SCRAMBLED = _Scrambled()
_SCRAMBLED_BYTES = [_scrambled(byte if byte < 128 else byte - 256) for byte in range(256)]
"""Bytes are signed in Java."""


def _mix_in(h1: int, scrambled: int) -> int:
    h1 ^= scrambled
    return (h1 << 13 | h1 >> 19) * 5 + 0xE6546B64 & _32


def _finish(h1: int, length: int) -> int:
    h1 ^= length
    h1 = (h1 ^ h1 >> 16) * 0x85EBCA6B & _32
    h1 = (h1 ^ h1 >> 13) * 0xC2B2AE35 & _32
    h1 ^= h1 >> 16
    return h1 - (1 << 32) if h1 >> 31 else h1


def murmur_int(value: int, seed: int) -> int:
    """The hash of an INT, or of what Spark hashes as one (BOOLEAN, TINYINT, SMALLINT, DATE, FLOAT's bits)."""
    return _finish(_mix_in(seed & _32, _scrambled(value)), 4)


def murmur_long(value: int, seed: int) -> int:
    """The hash of a BIGINT, or of what Spark hashes as one (TIMESTAMP, DOUBLE's bits, short DECIMAL)."""
    return _finish(_mix_in(_mix_in(seed & _32, _scrambled(value)), _scrambled(value >> 32)), 8)


def murmur_bytes(data: bytes, seed: int) -> int:
    """The hash of a text's or binary's bytes: after the last whole word Spark mixes byte by byte."""
    h1, scrambled, count = seed & _32, _SCRAMBLED, len(data) >> 2
    words = _WORDS[count] if count < len(_WORDS) else struct.Struct(f"<{count}I")
    # As in `_mix_in`, which a call for each word would make half as fast.
    for word in words.unpack_from(data):
        h1 ^= scrambled[word]
        h1 = (h1 << 13 | h1 >> 19) * 5 + 0xE6546B64 & _32
    for byte in data[count << 2 :]:
        h1 = _mix_in(h1, _SCRAMBLED_BYTES[byte])
    return _finish(h1, len(data))


# What Spark hashes a value of each type as


def _real_bits(value: float) -> int:
    (bits,) = struct.unpack("<q", struct.pack("<d", math.nan if value != value else value + 0.0))  # noqa: PLR0124 -- NaN
    return int(bits)


def _float_bits(value: float) -> int:
    (bits,) = struct.unpack("<i", struct.pack("<f", math.nan if value != value else value + 0.0))  # noqa: PLR0124 -- NaN
    return int(bits)


def murmur_real(value: float, seed: int) -> int:
    """Of a DOUBLE: one zero, one NaN."""
    return murmur_long(_real_bits(value), seed)


def murmur_float(value: float, seed: int) -> int:
    """Of a FLOAT: one zero, one NaN."""
    return murmur_int(_float_bits(value), seed)


def murmur_decimal(value: str, seed: int) -> int:
    """Of a DECIMAL beyond 18 digits, written out: the bytes of its digits as a BigInteger."""
    return murmur_bytes(_big_integer(value), seed)


def _big_integer(value: str) -> bytes:
    digits = int(value.replace(".", ""))
    size = (digits if digits >= 0 else ~digits).bit_length() // 8 + 1
    return digits.to_bytes(size, "big", signed=True)


# xxHash64, from and to unsigned numbers: a column's seed is the hash of those before it

_Hash = Callable[[Any, int], int]


def xx_int(value: int, seed: int) -> int:
    """The hash of an INT and its like."""
    return xxh64_intdigest(_INT.pack(value), seed)


def xx_long(value: int, seed: int) -> int:
    """The hash of a BIGINT and its like."""
    return xxh64_intdigest(_LONG.pack(value), seed)


def xx_real(value: float, seed: int) -> int:
    """Of a DOUBLE: one zero, one NaN."""
    return xx_long(_real_bits(value), seed)


def xx_float(value: float, seed: int) -> int:
    """Of a FLOAT: one zero, one NaN."""
    return xx_int(_float_bits(value), seed)


def xx_decimal(value: str, seed: int) -> int:
    """Of a DECIMAL beyond 18 digits, written out."""
    return xxh64_intdigest(_big_integer(value), seed)


XX_KINDS: Mapping[str, tuple[str, _Hash]] = {
    "int": ("INTEGER", xx_int),
    "long": ("BIGINT", xx_long),
    "real": ("DOUBLE", xx_real),
    "float": ("FLOAT", xx_float),
    "bytes": ("BLOB", xxh64_intdigest),
    "decimal": ("VARCHAR", xx_decimal),
}
"""The type that each kind of column is given as, and its hash."""


def in_turn(one: _Hash, other: _Hash) -> Callable[[Any, Any, int], int]:
    """The hash of two values, one after the other; NULL leaves it as it was."""

    def hashed(first: Any, second: Any, seed: int) -> int:
        if first is not None:
            seed = one(first, seed)
        return seed if second is None else other(second, seed)

    return hashed
