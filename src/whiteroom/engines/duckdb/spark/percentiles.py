"""Percentiles: exact, approximate, the median, and WITHIN GROUP (ORDER BY ...)."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark.aggregate_arguments import doubles, set_argument
from whiteroom.engines.duckdb.spark.building import call, cast
from whiteroom.engines.duckdb.spark.casts import convert
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.aggregate_arguments import argument
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.types import BOOLEAN, DOUBLE, NULL, STRING, of


def _quantile(node: exp.Expr) -> exp.Expr:
    """Spark's percentile interpolates, in DOUBLE whatever the column."""
    doubles(node)
    return call("quantile_cont", node.this, _share(node.args["quantile"]))


def _median(node: exp.Expr) -> exp.Expr:
    doubles(node)
    return call("quantile_cont", node.this, cast(exp.Literal.string("0.5"), "DOUBLE"))


def _share(node: exp.Expr) -> exp.Expr:
    return node if isinstance(node, exp.Array | exp.List) else cast(node, "DOUBLE")


def _approximate(node: exp.Expr) -> exp.Expr:
    """A value of the column; here the exact one, which is within every accuracy."""
    given = of(argument(node))
    if given in (STRING, NULL):
        set_argument(node, lambda value: convert(value, DOUBLE))
    elif given == BOOLEAN:
        raise Refused("approx_percentile takes numbers, dates and times in Spark.")
    return call("quantile_disc", node.this, _share(node.args["quantile"]))


def _within(node: exp.Expr) -> exp.Expr:
    """percentile_cont(0.5) WITHIN GROUP (ORDER BY x): of DOUBLE, as percentile; the largest first is its opposite."""
    order, function = node.expression, node.this
    if not isinstance(function, exp.PercentileCont | exp.PercentileDisc) or not isinstance(order, exp.Order):
        raise Refused("WITHIN GROUP is for percentile_cont and percentile_disc.")
    if len(order.expressions) != 1:
        raise Refused("WITHIN GROUP takes one value to order by.")
    ordered = order.expressions[0]
    value = convert(ordered.this, DOUBLE)
    opposite = -1 if ordered.args.get("desc") else 1
    name = "quantile_cont" if isinstance(function, exp.PercentileCont) else "quantile_disc"
    share = _share(function.this)
    if opposite == -1 and name == "quantile_cont":
        share = exp.paren(exp.Sub(this=exp.Literal.number(1), expression=exp.paren(share)))
        return call(name, value, cast(share, "DOUBLE"))
    if opposite == -1:
        return call("spark_opposite", call(name, call("spark_opposite", value), share))
    return call(name, value, share)


RULES: Mapping[type[exp.Expr], Rule] = {
    exp.Quantile: _quantile,
    exp.Median: _median,
    exp.ApproxQuantile: _approximate,
    exp.WithinGroup: _within,
}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = {}
