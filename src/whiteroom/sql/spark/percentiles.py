"""The types of percentiles."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.spark.aggregate_arguments import argument
from whiteroom.sql.spark.building import TypeRule, always
from whiteroom.sql.spark.types import DOUBLE, NULL, STRING, UNKNOWN, of


def _quantile_type(node: exp.Expr) -> exp.DataType:
    return UNKNOWN if isinstance(node.args.get("quantile"), exp.Array) else DOUBLE


def _approximate_type(node: exp.Expr) -> exp.DataType:
    given = of(argument(node))
    if isinstance(node.args.get("quantile"), exp.Array):
        return UNKNOWN
    return DOUBLE if given in (STRING, NULL) else given


def _within_type(node: exp.Expr) -> exp.DataType:
    percentile = isinstance(node.this, exp.PercentileCont | exp.PercentileDisc)
    return DOUBLE if percentile else of(node.this)


TYPES: Mapping[type[exp.Expr], TypeRule] = {
    exp.Quantile: _quantile_type,
    exp.Median: always(DOUBLE),
    exp.ApproxQuantile: _approximate_type,
    exp.PercentileCont: always(DOUBLE),
    exp.PercentileDisc: always(DOUBLE),
    exp.WithinGroup: _within_type,
}
NAMED_TYPES: Mapping[str, TypeRule] = {}
