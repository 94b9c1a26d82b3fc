"""Native functions of ours that a translated query may call, by name: what DuckDB lacks of Spark's functions.

DuckDB calls them for each row, with Python's values, under one lock: 200,000 calls take 0.05 s, besides what the
function itself takes. Its plan names them as it names its own. Texts are VARCHAR, dates are days and timestamps
microseconds since 1970.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from typing import Any

import duckdb
from duckdb.func import FunctionNullHandling

from whiteroom.engines.duckdb.spark.java import (
    calendar,
    decimals,
    digests,
    formats,
    matching,
    sequences,
    soundex,
    texts,
    time_reading,
    time_writing,
    times,
    zones,
)


@dataclass(frozen=True, slots=True)
class Native:
    """A function of Python's, with DuckDB's types."""

    function: Callable[..., Any]
    takes: tuple[str, ...]
    gives: str
    nulls: bool = False
    """Whether it is given NULL; the others are NULL where an argument is."""
    total: bool = False
    """Whether it is NULL there alone: DuckDB then passes over NULL itself, and a call is a fifth cheaper."""


def _native(
    function: Callable[..., Any], takes: str, gives: str, *, nulls: bool = False, total: bool = False
) -> Native:
    return Native(function, tuple(takes.split()), gives, nulls, total)


_BITS = {"INTEGER": 32, "BIGINT": 64}


def _bround_text(value: str, places: int) -> str:
    return f"{Decimal(value).quantize(Decimal((0, (1,), -places)), rounding=ROUND_HALF_EVEN):f}"


def _hypot(first: float, second: float) -> float:
    return math.hypot(first, second)


def _log1p(value: float) -> float | None:
    # The reader of Spark's source: NULL at -1 and below.
    return None if value <= -1 else math.log1p(value)


def _crc32(data: bytes) -> int:
    return zlib.crc32(data)


def _expm1(value: float) -> float:
    try:
        return math.expm1(value)
    except OverflowError:
        return math.inf


def _shown(kind: str) -> Callable[[str, Any], str]:
    bits = _BITS[kind]
    return lambda specifier, value: formats.show_whole(specifier, value, bits)


def _hashed(name: str, function: Callable[[Any, int], int], takes: str, gives: str) -> tuple[str, Native]:
    def hashed(value: Any, seed: int) -> int:
        # NULL leaves the hash as the columns before it made it.
        return seed if value is None else function(value, seed)

    return name, Native(hashed, (takes, gives), gives, nulls=True)


def _xxhashed() -> Mapping[str, Native]:
    """Of one column, and of two in one call."""
    found: dict[str, Native] = {}
    for kind, (takes, one) in digests.XX_KINDS.items():
        found.update([_hashed(f"spark_xxhash64_{kind}", one, takes, "UBIGINT")])
        for other_kind, (takes_too, other) in digests.XX_KINDS.items():
            taken = (takes, takes_too, "UBIGINT")
            pair = Native(digests.in_turn(one, other), taken, "UBIGINT", nulls=True)
            found[f"spark_xxhash64_{kind}_{other_kind}"] = pair
    return found


NATIVES: Mapping[str, Native] = {
    "spark_upper": _native(texts.upper, "VARCHAR", "VARCHAR"),
    "spark_lower": _native(texts.lower, "VARCHAR", "VARCHAR"),
    "spark_initcap": _native(texts.initcap, "VARCHAR", "VARCHAR"),
    "spark_reverse": _native(texts.reverse, "VARCHAR", "VARCHAR"),
    "spark_soundex": _native(soundex.soundex, "VARCHAR", "VARCHAR", total=True),
    "spark_substring": _native(texts.substring, "VARCHAR INTEGER INTEGER", "VARCHAR"),
    "spark_substring_bytes": _native(texts.substring_of_bytes, "BLOB INTEGER INTEGER", "BLOB"),
    "spark_left": _native(texts.left, "VARCHAR INTEGER", "VARCHAR"),
    "spark_right": _native(texts.right, "VARCHAR INTEGER", "VARCHAR"),
    "spark_substring_index": _native(texts.substring_index, "VARCHAR VARCHAR INTEGER", "VARCHAR"),
    "spark_split_part": _native(texts.split_part, "VARCHAR VARCHAR INTEGER", "VARCHAR"),
    "spark_locate": _native(texts.locate, "VARCHAR VARCHAR INTEGER", "INTEGER", nulls=True),
    "spark_lpad": _native(texts.pad_left, "VARCHAR INTEGER VARCHAR", "VARCHAR"),
    "spark_rpad": _native(texts.pad_right, "VARCHAR INTEGER VARCHAR", "VARCHAR"),
    "spark_lpad_bytes": _native(texts.pad_left_bytes, "BLOB INTEGER BLOB", "BLOB"),
    "spark_rpad_bytes": _native(texts.pad_right_bytes, "BLOB INTEGER BLOB", "BLOB"),
    "spark_overlay": _native(texts.overlay, "VARCHAR VARCHAR INTEGER INTEGER", "VARCHAR"),
    "spark_overlay_bytes": _native(texts.overlay_bytes, "BLOB BLOB INTEGER INTEGER", "BLOB"),
    "spark_char": _native(texts.character, "BIGINT", "VARCHAR"),
    "spark_translate": _native(texts.translate, "VARCHAR VARCHAR VARCHAR", "VARCHAR"),
    "spark_find_in_set": _native(texts.find_in_set, "VARCHAR VARCHAR", "INTEGER"),
    "spark_levenshtein": _native(texts.levenshtein, "VARCHAR VARCHAR", "INTEGER"),
    "spark_levenshtein_within": _native(texts.levenshtein_within, "VARCHAR VARCHAR INTEGER", "INTEGER"),
    "spark_base64": _native(texts.to_base64, "BLOB", "VARCHAR"),
    "spark_unbase64": _native(texts.from_base64, "VARCHAR", "BLOB"),
    "spark_hex": _native(texts.hexadecimal, "BIGINT", "VARCHAR"),
    "spark_unhex": _native(texts.from_hexadecimal, "VARCHAR", "BLOB"),
    "spark_bin": _native(texts.binary_digits, "BIGINT", "VARCHAR"),
    "spark_conv": _native(texts.convert_base, "VARCHAR INTEGER INTEGER", "VARCHAR"),
    "spark_encode": _native(texts.encode, "VARCHAR VARCHAR", "BLOB"),
    "spark_decode": _native(texts.decode, "BLOB VARCHAR", "VARCHAR"),
    "spark_url_encode": _native(texts.url_encode, "VARCHAR", "VARCHAR"),
    "spark_url_decode": _native(texts.url_decode, "VARCHAR", "VARCHAR"),
    "spark_luhn_check": _native(texts.luhn_check, "VARCHAR", "BOOLEAN"),
    "spark_mask": _native(texts.mask, "VARCHAR VARCHAR VARCHAR VARCHAR VARCHAR", "VARCHAR", nulls=True),
    "spark_join_all": _native(texts.join_all, "VARCHAR VARCHAR[] VARCHAR", "VARCHAR"),
    "spark_join": _native(texts.join, "VARCHAR VARCHAR[]", "VARCHAR"),
    # digests
    "spark_crc32": _native(_crc32, "BLOB", "BIGINT", total=True),
    "spark_sha2": _native(digests.sha2, "BLOB INTEGER", "VARCHAR"),
    "spark_sha224": _native(digests.sha2_224, "BLOB", "VARCHAR", total=True),
    "spark_sha384": _native(digests.sha2_384, "BLOB", "VARCHAR", total=True),
    "spark_sha512": _native(digests.sha2_512, "BLOB", "VARCHAR", total=True),
    **dict(
        [
            _hashed("spark_hash_int", digests.murmur_int, "INTEGER", "INTEGER"),
            _hashed("spark_hash_long", digests.murmur_long, "BIGINT", "INTEGER"),
            _hashed("spark_hash_real", digests.murmur_real, "DOUBLE", "INTEGER"),
            _hashed("spark_hash_float", digests.murmur_float, "FLOAT", "INTEGER"),
            _hashed("spark_hash_bytes", digests.murmur_bytes, "BLOB", "INTEGER"),
            _hashed("spark_hash_decimal", digests.murmur_decimal, "VARCHAR", "INTEGER"),
        ]
    ),
    **_xxhashed(),
    # numbers
    "spark_format_number": _native(formats.format_number, "DOUBLE INTEGER", "VARCHAR"),
    "spark_format_decimal": _native(
        lambda value, places: formats.format_number(Decimal(value), places), "VARCHAR INTEGER", "VARCHAR"
    ),
    "spark_show_text": _native(formats.show_text, "VARCHAR VARCHAR", "VARCHAR", nulls=True),
    "spark_show_int": _native(_shown("INTEGER"), "VARCHAR INTEGER", "VARCHAR", nulls=True),
    "spark_show_long": _native(_shown("BIGINT"), "VARCHAR BIGINT", "VARCHAR", nulls=True),
    "spark_show_real": _native(formats.show_real, "VARCHAR DOUBLE", "VARCHAR", nulls=True),
    "spark_round": _native(formats.round_real, "DOUBLE INTEGER", "DOUBLE"),
    "spark_bround": _native(formats.bround_real, "DOUBLE INTEGER", "DOUBLE"),
    "spark_bround_text": _native(_bround_text, "VARCHAR INTEGER", "VARCHAR"),
    "spark_hypot": _native(_hypot, "DOUBLE DOUBLE", "DOUBLE"),
    "spark_log1p": _native(_log1p, "DOUBLE", "DOUBLE"),
    "spark_expm1": _native(_expm1, "DOUBLE", "DOUBLE"),
    "spark_decimal": _native(decimals.computed, "VARCHAR VARCHAR VARCHAR INTEGER INTEGER", "VARCHAR"),
    # dates
    "spark_text_micros": _native(times.micros_of, "VARCHAR", "BIGINT"),
    "spark_date_format": _native(time_writing.format_time, "BIGINT VARCHAR", "VARCHAR"),
    "spark_from_unixtime": _native(time_writing.format_seconds, "BIGINT VARCHAR", "VARCHAR"),
    "spark_parse_time": _native(time_reading.parse_time, "VARCHAR VARCHAR", "BIGINT"),
    "spark_next_day": _native(calendar.next_day, "INTEGER VARCHAR", "INTEGER"),
    "spark_add_months": _native(calendar.add_months, "INTEGER INTEGER", "INTEGER"),
    "spark_native_months_between": _native(calendar.months_between, "BIGINT BIGINT BOOLEAN", "DOUBLE"),
    "spark_whole_months": _native(calendar.whole_months, "BIGINT BIGINT", "BIGINT"),
    "spark_trunc": _native(calendar.truncate_date, "INTEGER VARCHAR", "INTEGER"),
    "spark_date_trunc": _native(calendar.truncate_time, "BIGINT VARCHAR", "BIGINT"),
    "spark_make_date": _native(calendar.days_of, "INTEGER INTEGER INTEGER", "INTEGER"),
    "spark_make_timestamp": _native(
        calendar.make_timestamp, "INTEGER INTEGER INTEGER INTEGER INTEGER INTEGER", "BIGINT"
    ),
    "spark_from_utc": _native(zones.from_utc, "BIGINT VARCHAR", "BIGINT"),
    "spark_to_utc": _native(zones.to_utc, "BIGINT VARCHAR", "BIGINT"),
    "spark_sequence_days": _native(sequences.of_days, "INTEGER INTEGER INTEGER INTEGER", "INTEGER[]"),
    "spark_sequence_micros": _native(sequences.of_micros, "BIGINT BIGINT INTEGER BIGINT", "BIGINT[]"),
    # regular expressions
    "spark_regexp_replace": _native(matching.replace, "VARCHAR VARCHAR VARCHAR INTEGER", "VARCHAR"),
    "spark_regexp_extract": _native(matching.extract, "VARCHAR VARCHAR INTEGER", "VARCHAR"),
    "spark_regexp_extract_all": _native(matching.extract_all, "VARCHAR VARCHAR INTEGER", "VARCHAR[]"),
    "spark_regexp_instr": _native(matching.instr, "VARCHAR VARCHAR", "INTEGER"),
    "spark_str_to_map": _native(matching.to_map, "VARCHAR VARCHAR VARCHAR", "MAP(VARCHAR,VARCHAR)"),
    "spark_split": _native(matching.split, "VARCHAR VARCHAR INTEGER", "VARCHAR[]"),
}


def register(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Have the connection know a function. May be repeated."""
    native = NATIVES[name]
    # There already, on this connection or on another of the same database: nobody else can have made it.
    with suppress(duckdb.CatalogException, duckdb.NotImplementedException):
        connection.create_function(
            name,
            _guarded(name),
            list(native.takes),
            native.gives,
            null_handling=FunctionNullHandling.DEFAULT if native.total else FunctionNullHandling.SPECIAL,
            side_effects=False,
        )


@cache
def _guarded(name: str) -> Callable[..., Any]:
    """The function with NULL for NULL. DuckDB counts its parameters, so they are written out.

    Kept: another connection to the database may call it after the one that registered it is closed.
    """
    native = NATIVES[name]
    f = native.function
    if native.nulls or native.total:
        return f
    guarded: dict[int, Callable[..., Any]] = {
        1: lambda a: None if a is None else f(a),
        2: lambda a, b: None if a is None or b is None else f(a, b),
        3: lambda a, b, c: None if a is None or b is None or c is None else f(a, b, c),
        4: lambda a, b, c, d: None if None in (a, b, c, d) else f(a, b, c, d),
        5: lambda a, b, c, d, e: None if None in (a, b, c, d, e) else f(a, b, c, d, e),
        6: lambda a, b, c, d, e, g: None if None in (a, b, c, d, e, g) else f(a, b, c, d, e, g),
    }
    return guarded[len(native.takes)]
