"""The types of casts, and which casts Spark refuses."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.spark.building import TypeRule
from whiteroom.sql.spark.types import (
    normal,
)


def _type(node: exp.Expr) -> exp.DataType:
    return normal(node.args["to"])


TYPES: Mapping[type[exp.Expr], TypeRule] = {exp.Cast: _type, exp.TryCast: _type}
NAMED_TYPES: Mapping[str, TypeRule] = {}
