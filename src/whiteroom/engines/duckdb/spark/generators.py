"""Generators: explode, posexplode, inline and stack, which make rows of an array or a map.

A generator is in LATERAL VIEW or is an output column, and may give several columns. In a canonical query each of
these is a `Generated` of its own in one SELECT (sql/lateral_views.py): DuckDB's UNNEST, of which several in one
SELECT go in step.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark.building import call, cast
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.generators import INLINE, POSEXPLODE, Generated
from whiteroom.sql.spark.structs import is_array
from whiteroom.sql.spark.types import of


def _generated(node: exp.Expr) -> exp.Expr:
    kind, place, held = str(node.args["kind"]), int(node.args["place"]), of(node.this)
    value = node.this
    if kind == INLINE:
        return call("STRUCT_EXTRACT_AT", _rows(value, node), place + 1)
    if kind == POSEXPLODE and place == 0:
        size = cast(call("LEN" if is_array(held) else "CARDINALITY", value), "BIGINT")
        return cast(_rows(call("RANGE", size), node), "INT")
    if is_array(held):
        return _rows(value, node)
    is_key = place == (1 if kind == POSEXPLODE else 0)
    return _rows(call("MAP_KEYS" if is_key else "MAP_VALUES", value), node)


def _rows(values: exp.Expr, node: exp.Expr) -> exp.Expr:
    """A row for each value; with OUTER, one of NULLs where there is none."""
    if not node.args.get("outer"):
        return call("UNNEST", values)
    some = exp.GT(this=call("LEN", values), expression=exp.Literal.number(0))
    nothing = call("LIST_VALUE", exp.Null())
    return call("UNNEST", exp.Case(ifs=[exp.If(this=some, true=values.copy())], default=nothing))


RULES: Mapping[type[exp.Expr], Rule] = {Generated: _generated}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = {}
