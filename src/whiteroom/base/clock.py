"""The clock that app.py passes to everything else: nothing below app.py reads the machine's own."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Answers the present as an aware UTC time."""


def utc_now() -> datetime:
    """The machine's clock, truncated to milliseconds: what `cleanroomsml` timestamps carry."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
