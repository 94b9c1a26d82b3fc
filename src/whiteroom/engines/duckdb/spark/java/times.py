"""Text that becomes a timestamp though it is not written as DuckDB reads one: parts, fractions and zones."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from whiteroom.engines.duckdb.spark.java import zones

_TEXT = re.compile(
    r"([+-]?\d{4,6})(?:-(\d{1,2})(?:-(\d{1,2})"
    r"(?:[ T](\d{1,2})(?::(\d{1,2})(?::(\d{1,2})(?:\.(\d*))?(?: ?([A-Za-z+-].*))?)?)?)?)?)?",
    re.ASCII,
)
_TRIMMED = "".join(map(chr, [*range(0x21), 0x7F]))
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- the session's zone is UTC
_LAST_YEAR = 9999


def micros_of(text: str) -> int | None:
    """Microseconds since 1970; None where Spark reads no timestamp.

    A time without a date is today's in Spark; it is none here, where a query answers the same each day.
    """
    match = _TEXT.fullmatch(text.strip(_TRIMMED))
    if match is None:
        return None
    *parts, fraction, zone = match.groups()
    year, month, day, hour, minute, second = (int(part or first) for part, first in zip(parts, "011000", strict=True))
    if not 1 <= year <= _LAST_YEAR:
        return None
    try:
        moment = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 -- a local time
        micros = (moment - _EPOCH) // timedelta(microseconds=1) + int((fraction or "")[:6].ljust(6, "0"))
        return micros if zone is None else zones.to_utc(micros, zone.rstrip())
    except (ValueError, OverflowError):
        return None
