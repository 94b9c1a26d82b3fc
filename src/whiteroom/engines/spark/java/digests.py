"""Hashes of values: Spark's `hash` (Murmur3) and `xxhash64`, `crc32` and `sha2`.

Sources: org.apache.spark.unsafe.hash.Murmur3_x86_32, org.apache.spark.sql.catalyst.expressions.XXH64 (3.5).
"""

from __future__ import annotations

import hashlib
import math
import struct
import zlib

SEED = 42
"""Of both hashes, and the hash of a row of NULLs."""

_32 = 0xFFFFFFFF
_64 = 0xFFFFFFFFFFFFFFFF
_P1 = 0x9E3779B185EBCA87
_P2 = 0xC2B2AE3D27D4EB4F
_P3 = 0x165667B19E3779F9
_P4 = 0x85EBCA77C2B2AE63
_P5 = 0x27D4EB2F165667C5
_WIDTHS = {0: "sha256", 224: "sha224", 256: "sha256", 384: "sha384", 512: "sha512"}


def crc32(data: bytes) -> int:
    """CRC-32 as an unsigned number."""
    return zlib.crc32(data)


def sha2(data: bytes, width: int) -> str | None:
    """The digest in hexadecimal; None for a width that SHA-2 does not have."""
    name = _WIDTHS.get(width)
    return None if name is None else hashlib.new(name, data, usedforsecurity=False).hexdigest()


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


# Murmur3


def _mix_in(h1: int, k1: int) -> int:
    k1 = (k1 * 0xCC9E2D51) & _32
    k1 = ((k1 << 15) | (k1 >> 17)) & _32
    h1 ^= (k1 * 0x1B873593) & _32
    h1 = ((h1 << 13) | (h1 >> 19)) & _32
    return (h1 * 5 + 0xE6546B64) & _32


def _finish(h1: int, length: int) -> int:
    h1 ^= length
    h1 = ((h1 ^ (h1 >> 16)) * 0x85EBCA6B) & _32
    h1 = ((h1 ^ (h1 >> 13)) * 0xC2B2AE35) & _32
    return _signed(h1 ^ (h1 >> 16), 32)


def murmur_int(value: int, seed: int) -> int:
    """The hash of an INT, or of what Spark hashes as one (BOOLEAN, TINYINT, SMALLINT, DATE, FLOAT's bits)."""
    return _finish(_mix_in(seed & _32, value & _32), 4)


def murmur_long(value: int, seed: int) -> int:
    """The hash of a BIGINT, or of what Spark hashes as one (TIMESTAMP, DOUBLE's bits, short DECIMAL)."""
    value &= _64
    return _finish(_mix_in(_mix_in(seed & _32, value & _32), value >> 32), 8)


def murmur_bytes(data: bytes, seed: int) -> int:
    """The hash of a text's or binary's bytes: after the last whole word Spark mixes byte by byte."""
    h1 = seed & _32
    whole = len(data) // 4 * 4
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        h1 = _mix_in(h1, word)
    for byte in data[whole:]:
        h1 = _mix_in(h1, _signed(byte, 8) & _32)
    return _finish(h1, len(data))


# xxHash64


def _rotl(value: int, count: int) -> int:
    return ((value << count) | (value >> (64 - count))) & _64


def _round(accumulator: int, value: int) -> int:
    return (_rotl((accumulator + value * _P2) & _64, 31) * _P1) & _64


def _avalanche(value: int) -> int:
    value = ((value ^ (value >> 33)) * _P2) & _64
    value = ((value ^ (value >> 29)) * _P3) & _64
    return _signed(value ^ (value >> 32), 64)


def xx_int(value: int, seed: int) -> int:
    """The 64-bit hash of an INT and its like."""
    mixed = (seed & _64) + _P5 + 4
    mixed = (mixed ^ ((value & _32) * _P1)) & _64
    return _avalanche((_rotl(mixed, 23) * _P2 + _P3) & _64)


def xx_long(value: int, seed: int) -> int:
    """The 64-bit hash of a BIGINT and its like."""
    mixed = ((seed & _64) + _P5 + 8) & _64
    mixed ^= _round(0, value & _64)
    return _avalanche((_rotl(mixed, 27) * _P1 + _P4) & _64)


def xx_bytes(data: bytes, seed: int) -> int:
    """The 64-bit hash of a text's or binary's bytes."""
    seed &= _64
    offset, length = 0, len(data)
    if length >= 32:
        lanes = [(seed + _P1 + _P2) & _64, (seed + _P2) & _64, seed, (seed - _P1) & _64]
        while offset + 32 <= length:
            words = struct.unpack_from("<4Q", data, offset)
            lanes = [_round(lane, word) for lane, word in zip(lanes, words, strict=True)]
            offset += 32
        mixed = sum(_rotl(lane, count) for lane, count in zip(lanes, (1, 7, 12, 18), strict=True)) & _64
        for lane in lanes:
            mixed = ((mixed ^ _round(0, lane)) * _P1 + _P4) & _64
    else:
        mixed = (seed + _P5) & _64
    mixed = (mixed + length) & _64
    while offset + 8 <= length:
        mixed ^= _round(0, struct.unpack_from("<Q", data, offset)[0])
        mixed = (_rotl(mixed, 27) * _P1 + _P4) & _64
        offset += 8
    if offset + 4 <= length:
        mixed ^= (struct.unpack_from("<I", data, offset)[0] * _P1) & _64
        mixed = (_rotl(mixed, 23) * _P2 + _P3) & _64
        offset += 4
    for byte in data[offset:]:
        mixed = (_rotl(mixed ^ ((byte * _P5) & _64), 11) * _P1) & _64
    return _avalanche(mixed)


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


def murmur_text(value: str, seed: int) -> int:
    """Of a text."""
    return murmur_bytes(value.encode("utf-8", "surrogatepass"), seed)


def murmur_decimal(value: str, seed: int) -> int:
    """Of a DECIMAL beyond 18 digits, written out: the bytes of its digits as a BigInteger."""
    return murmur_bytes(_big_integer(value), seed)


def xx_real(value: float, seed: int) -> int:
    """Of a DOUBLE: one zero, one NaN."""
    return xx_long(_real_bits(value), seed)


def xx_float(value: float, seed: int) -> int:
    """Of a FLOAT: one zero, one NaN."""
    return xx_int(_float_bits(value), seed)


def xx_text(value: str, seed: int) -> int:
    """Of a text."""
    return xx_bytes(value.encode("utf-8", "surrogatepass"), seed)


def xx_decimal(value: str, seed: int) -> int:
    """Of a DECIMAL beyond 18 digits, written out."""
    return xx_bytes(_big_integer(value), seed)


def _big_integer(value: str) -> bytes:
    digits = int(value.replace(".", ""))
    size = (digits if digits >= 0 else ~digits).bit_length() // 8 + 1
    return digits.to_bytes(size, "big", signed=True)
