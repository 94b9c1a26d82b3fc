"""Signatures of what collects values into arrays."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.spark import types
from whiteroom.sql.spark.aggregate_arguments import argument
from whiteroom.sql.spark.building import TypeRule
from whiteroom.sql.spark.types import of


def _type(node: exp.Expr) -> exp.DataType:
    return types.array(of(argument(node)))


TYPES: Mapping[type[exp.Expr], TypeRule] = {exp.ArrayAgg: _type, exp.ArrayUniqueAgg: _type}
NAMED_TYPES: Mapping[str, TypeRule] = {}
