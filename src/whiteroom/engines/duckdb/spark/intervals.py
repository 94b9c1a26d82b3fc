"""Dates and times moved by intervals and by days."""

from __future__ import annotations

from sqlglot import exp

from whiteroom.engines.duckdb.spark.building import cast
from whiteroom.engines.duckdb.spark.casts import convert
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.intervals import moved_type
from whiteroom.sql.spark.types import DATE, INT, INTERVAL, NULL, STRING, TIMESTAMP, UNKNOWN, is_integer, of


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
