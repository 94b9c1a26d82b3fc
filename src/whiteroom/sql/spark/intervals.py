"""The types of intervals."""

from __future__ import annotations

from sqlglot import exp

from whiteroom.sql.spark.types import DATE, INTERVAL, TIMESTAMP, UNKNOWN, is_integer, of

_WHOLE_DAYS = frozenset({"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"})


def moved_type(node: exp.Expr) -> exp.DataType:
    """The type of + or - where one side is a date, a time or an interval."""
    first, second = of(node.this), of(node.expression)
    if INTERVAL in (first, second):
        other, interval = (first, node.expression) if second == INTERVAL else (second, node.this)
        if other == DATE and _is_whole_days(interval):
            return DATE
        return INTERVAL if other == INTERVAL else UNKNOWN if other == UNKNOWN else TIMESTAMP
    if DATE in (first, second) and (is_integer(first) or is_integer(second)):
        return DATE
    return UNKNOWN


def _is_whole_days(interval: exp.Expr) -> bool:
    unit = str(interval.args.get("unit") or "").upper().rstrip("S")
    return isinstance(interval, exp.Interval) and unit in _WHOLE_DAYS
