"""The types of aggregates."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.spark.aggregate_arguments import argument, argument_type, numeric
from whiteroom.sql.spark.building import TypeRule, always
from whiteroom.sql.spark.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    TINYINT,
    UNKNOWN,
    decimal,
    digits,
    is_decimal,
    is_integer,
    of,
)


def _sum_type(node: exp.Expr) -> exp.DataType:
    given = of(argument(node))
    numeric(node, given)
    if is_decimal(given):
        precision, scale = digits(given)
        return decimal(precision + 10, scale)
    return BIGINT if is_integer(given) else UNKNOWN if given == UNKNOWN else DOUBLE


def _avg_type(node: exp.Expr) -> exp.DataType:
    given = of(argument(node))
    numeric(node, given)
    if is_decimal(given):
        precision, scale = digits(given)
        return decimal(precision + 4, scale + 4)
    return UNKNOWN if given == UNKNOWN else DOUBLE


OF_DOUBLES = (
    exp.Stddev,
    exp.StddevPop,
    exp.StddevSamp,
    exp.Variance,
    exp.VariancePop,
    exp.Corr,
    exp.CovarPop,
    exp.CovarSamp,
    exp.Skewness,
    exp.RegrAvgx,
    exp.RegrAvgy,
    exp.RegrSlope,
    exp.RegrIntercept,
    exp.RegrR2,
    exp.RegrSxx,
    exp.RegrSyy,
    exp.RegrSxy,
)

_SAME = (
    exp.Min,
    exp.Max,
    exp.ArgMax,
    exp.ArgMin,
    exp.BitwiseAndAgg,
    exp.BitwiseOrAgg,
    exp.BitwiseXorAgg,
)

TYPES: Mapping[type[exp.Expr], TypeRule] = {
    **dict.fromkeys(OF_DOUBLES, always(DOUBLE)),
    **dict.fromkeys(_SAME, argument_type),
    exp.Count: always(BIGINT),
    exp.CountIf: always(BIGINT),
    exp.RegrCount: always(BIGINT),
    exp.ApproxDistinct: always(BIGINT),
    exp.LogicalAnd: always(BOOLEAN),
    exp.LogicalOr: always(BOOLEAN),
    exp.Sum: _sum_type,
    exp.Avg: _avg_type,
    exp.Kurtosis: always(DOUBLE),
    exp.Grouping: always(TINYINT),
    exp.GroupingId: always(BIGINT),
}
NAMED_TYPES: Mapping[str, TypeRule] = {}
