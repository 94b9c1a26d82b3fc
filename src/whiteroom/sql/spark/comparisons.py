"""What may be compared with what."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.spark.building import TypeRule, always
from whiteroom.sql.spark.types import BOOLEAN, NULL

COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)

_PREDICATES = (
    *COMPARISONS,
    exp.Between,
    exp.In,
    exp.Is,
    exp.Not,
    exp.And,
    exp.Or,
    exp.Exists,
    exp.Like,
    exp.ILike,
    exp.RegexpLike,
    exp.IsNan,
    exp.Boolean,
    exp.EqualNull,
    exp.Any,
)

TYPES: Mapping[type[exp.Expr], TypeRule] = {
    **dict.fromkeys(_PREDICATES, always(BOOLEAN)),
    exp.Null: always(NULL),
}
NAMED_TYPES: Mapping[str, TypeRule] = {"ISNULL": always(BOOLEAN), "ISNOTNULL": always(BOOLEAN)}
