"""The types of window functions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.spark.aggregate_arguments import argument_type
from whiteroom.sql.spark.building import TypeRule, always
from whiteroom.sql.spark.types import DOUBLE, INT, of


def _shifted_type(node: exp.Expr) -> exp.DataType:
    return of(node.this)


def _held(node: exp.Expr) -> exp.DataType:
    return of(node.this)


RANKS = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile)

_OF_ROWS = (
    exp.First,
    exp.Last,
    exp.AnyValue,
    exp.FirstValue,
    exp.LastValue,
    exp.NthValue,
)

TYPES: Mapping[type[exp.Expr], TypeRule] = {
    **dict.fromkeys(RANKS, always(INT)),
    **dict.fromkeys(_OF_ROWS, argument_type),
    **dict.fromkeys((exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.Window), _held),
    exp.PercentRank: always(DOUBLE),
    exp.CumeDist: always(DOUBLE),
    exp.Lag: _shifted_type,
    exp.Lead: _shifted_type,
}
NAMED_TYPES: Mapping[str, TypeRule] = {}
