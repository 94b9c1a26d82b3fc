"""Sequences of dates and times, each a number of steps from the first (Spark's Sequence)."""

from __future__ import annotations

from whiteroom.engines.duckdb.spark.java import calendar
from whiteroom.engines.duckdb.spark.java.calendar import DAY_MICROS

MAX_VALUES = 10_000_000


class BadSequence(ValueError):
    """It has no end, or too many values."""


def of_days(start: int, stop: int, months: int, days: int) -> list[int]:
    """Dates by a step of months or of days; of a day, up or down, where both are 0."""
    if not months and not days:
        days = 1 if start <= stop else -1
    if not months:
        return _evenly(start, stop, days)
    return _by_months(start, stop, months, 1)


def of_micros(start: int, stop: int, months: int, micros: int) -> list[int]:
    """Times by a step of months or of microseconds; of a day, up or down, where both are 0."""
    if not months and not micros:
        micros = DAY_MICROS if start <= stop else -DAY_MICROS
    if not months:
        return _evenly(start, stop, micros)
    return _by_months(start, stop, months, DAY_MICROS)


def _evenly(start: int, stop: int, step: int) -> list[int]:
    if start != stop and (stop > start) is not (step > 0):
        raise BadSequence("The step of a sequence leads away from its end.")
    if (stop - start) // step >= MAX_VALUES:
        raise BadSequence(f"An array has more than {MAX_VALUES:,} values.")
    return list(range(start, stop + (1 if step > 0 else -1), step))


def _by_months(start: int, stop: int, months: int, day: int) -> list[int]:
    if start != stop and (stop > start) is not (months > 0):
        raise BadSequence("The step of a sequence leads away from its end.")
    first, rest = divmod(start, day)
    found: list[int] = []
    while True:
        moved = calendar.add_months(first, months * len(found))
        value = None if moved is None else moved * day + rest
        if value is None or (value > stop if months > 0 else value < stop):
            return found
        found.append(value)
