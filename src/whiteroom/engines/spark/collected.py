"""Aggregates that gather values: collect_list, collect_set and array_agg, in the order that was judged."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.spark import types
from whiteroom.engines.spark.aggregate_arguments import argument
from whiteroom.engines.spark.building import Rule, TypeRule, call
from whiteroom.engines.spark.casts import shaped
from whiteroom.engines.spark.types import of


def _type(node: exp.Expr) -> exp.DataType:
    return types.array(of(argument(node)))


def _unique(node: exp.Expr) -> exp.Expr:
    """Each value once; of equal zeros and NaNs one form."""
    value = argument(node)
    if types.is_real(of(value)):
        value = call("spark_key", value)
    order = exp.Ordered(this=value.copy(), desc=False, nulls_first=True)
    return exp.ArrayAgg(this=exp.Order(this=exp.Distinct(expressions=[value]), expressions=[order]))


def _gathered(node: exp.Expr) -> exp.Expr:
    """Without NULLs, and nothing of no rows is an empty array."""
    return call("COALESCE", call("spark_array_compact", node), shaped(call("LIST_VALUE"), of(node)))


TYPES: Mapping[type[exp.Expr], TypeRule] = {exp.ArrayAgg: _type, exp.ArrayUniqueAgg: _type}
NAMED_TYPES: Mapping[str, TypeRule] = {}
RULES: Mapping[type[exp.Expr], Rule] = {exp.ArrayUniqueAgg: _unique}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = {exp.ArrayAgg: _gathered, exp.ArrayUniqueAgg: _gathered}
