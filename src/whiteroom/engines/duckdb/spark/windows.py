"""Windows, and the functions that the order of rows decides: first, last, any_value, lag, lead, ranks."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark.building import becomes
from whiteroom.engines.duckdb.spark.casts import convert
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.aggregate_arguments import HOLDERS
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.types import DATE, of
from whiteroom.sql.spark.windows import RANKS


def _any_row(node: exp.Expr) -> exp.Expr:
    """Spark's any_value is first, NULLs counted; DuckDB's passes over them."""
    return exp.First(this=node.this)


def _first_value(node: exp.Expr) -> exp.Expr | None:
    if _is_windowed(node):
        return None
    return (exp.First if isinstance(node, exp.FirstValue) else exp.Last)(this=node.this)


def _is_windowed(node: exp.Expr) -> bool:
    while isinstance(node.parent, HOLDERS):
        node = node.parent
        if isinstance(node, exp.Window):
            return True
    return False


def _present(node: exp.Expr) -> exp.Expr | None:
    """IGNORE NULLS of first and last: in a window DuckDB's own; in a group, of the rows that have a value."""
    core = node.this
    if isinstance(node.parent, exp.Window):
        names = {exp.First: exp.FirstValue, exp.Last: exp.LastValue, exp.AnyValue: exp.FirstValue}
        kind = names.get(type(core))
        if kind is not None:
            made = kind(this=core.this)
            made.type = core.type
            node.set("this", made)
        return None
    value = core.this
    present = exp.Not(this=exp.Is(this=exp.paren(value.copy()), expression=exp.Null()))
    kind = exp.Last if isinstance(core, exp.Last | exp.LastValue) else exp.First
    if isinstance(node.parent, exp.Filter):
        raise Refused("FILTER beside IGNORE NULLS is not available; put both conditions into FILTER.")
    return exp.Filter(this=kind(this=value), expression=exp.Where(this=present))


def _shifted(node: exp.Expr) -> None:
    default = node.args.get("default")
    if default is not None:
        node.set("default", convert(default, of(node.this)))


def _range(node: exp.Expr) -> None:
    """Days in a frame over dates are a number in Spark, an interval in DuckDB."""
    spec, order = node.args.get("spec"), node.args.get("order")
    ordered = order.expressions[0].this if order is not None and order.expressions else None
    if spec is None or of(ordered) != DATE or str(spec.args.get("kind") or "").upper() != "RANGE":
        return
    for side in ("start", "end"):
        edge = spec.args.get(side)
        if isinstance(edge, exp.Interval):
            raise Refused("A RANGE over dates counts days in Spark: RANGE BETWEEN 30 PRECEDING ..., without INTERVAL.")
        if isinstance(edge, exp.Literal):
            spec.set(side, exp.Interval(this=exp.Literal.string(edge.name), unit=exp.Var(this="DAY")))


_ORDERED = (
    exp.RowNumber,
    exp.Rank,
    exp.DenseRank,
    exp.PercentRank,
    exp.CumeDist,
    exp.Ntile,
    exp.Lag,
    exp.Lead,
    exp.NthValue,
)


def _window(node: exp.Expr) -> None:
    _range(node)
    core = node.this
    while isinstance(core, HOLDERS) and not isinstance(core, exp.Window):
        if isinstance(core, exp.Filter):
            raise Refused("FILTER of a window function is not available in Spark; use CASE inside the function.")
        core = core.this
    if isinstance(core, _ORDERED) and not node.args.get("order"):
        raise Refused(f"{core.sql_name()} needs a window with ORDER BY, in Spark as well.")
    if isinstance(core, exp.Expr) and isinstance(core.args.get("this"), exp.Distinct):
        raise Refused("DISTINCT in a window function is not available in Spark.")


RULES: Mapping[type[exp.Expr], Rule] = {
    exp.AnyValue: _any_row,
    exp.FirstValue: _first_value,
    exp.LastValue: _first_value,
    exp.IgnoreNulls: _present,
    exp.Lag: _shifted,
    exp.Lead: _shifted,
    exp.Window: _window,
}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = dict.fromkeys(RANKS, becomes("INT"))
