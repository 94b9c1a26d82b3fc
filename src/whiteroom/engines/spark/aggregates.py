"""Aggregates and window functions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.spark.building import Rule, becomes, call


def _quantile(node: exp.Expr) -> exp.Expr:
    """Spark's percentile interpolates."""
    return call("QUANTILE_CONT", node.this, node.args["quantile"])


def _first(node: exp.Expr) -> exp.Expr:
    """Spark's any_value is first, NULLs counted; DuckDB's passes over them."""
    return exp.First(this=node.this)


RULES: Mapping[type[exp.Expr], Rule] = {exp.Quantile: _quantile, exp.AnyValue: _first}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = {
    exp.CountIf: becomes("BIGINT"),
    exp.RowNumber: becomes("INT"),
    exp.Rank: becomes("INT"),
    exp.DenseRank: becomes("INT"),
    exp.Ntile: becomes("INT"),
}
