"""Dates and times moved by intervals and by days."""

from __future__ import annotations

from sqlglot import exp

from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark.building import cast
from whiteroom.engines.spark.casts import convert
from whiteroom.engines.spark.types import DATE, INT, INTERVAL, NULL, STRING, TIMESTAMP, UNKNOWN, is_integer, of

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


def moved(node: exp.Expr) -> exp.Expr | None:
    """The same in DuckDB's words.

    Raises:
        Refused: the answer would be an interval, or Spark does not add the two.
    """
    first, second = of(node.this), of(node.expression)
    if UNKNOWN in (first, second):
        return None
    if INTERVAL in (first, second):
        made = moved_type(node)
        if made == INTERVAL:
            return None
        for name, given in (("this", first), ("expression", second)):
            if given in (STRING, NULL):
                node.set(name, convert(node.args[name], TIMESTAMP))
        return cast(exp.paren(node), "DATE" if made == DATE else "TIMESTAMP")
    for name, given, other in (("this", first, second), ("expression", second, first)):
        if given == DATE and is_integer(other):
            if name == "expression" and isinstance(node, exp.Sub):
                break
            side = "expression" if name == "this" else "this"
            node.set(side, convert(node.args[side], INT))
            return exp.paren(node)
    if isinstance(node, exp.Sub):
        raise Refused(
            "The difference of two dates or times is an INTERVAL in Spark, which a result cannot hold. Use datediff, "
            "or subtract unix_timestamp of both."
        )
    raise Refused(f"Spark does not add {first.sql('spark').lower()} and {second.sql('spark').lower()}.")


def _is_whole_days(interval: exp.Expr) -> bool:
    unit = str(interval.args.get("unit") or "").upper().rstrip("S")
    return isinstance(interval, exp.Interval) and unit in _WHOLE_DAYS
