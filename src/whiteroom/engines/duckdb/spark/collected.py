"""Aggregates that gather values: collect_list, collect_set and array_agg, in the order that was judged."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark.building import call
from whiteroom.engines.duckdb.spark.casts import shaped
from whiteroom.sql.spark import types
from whiteroom.sql.spark.aggregate_arguments import argument
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.types import of


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


RULES: Mapping[type[exp.Expr], Rule] = {exp.ArrayUniqueAgg: _unique}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = {exp.ArrayAgg: _gathered, exp.ArrayUniqueAgg: _gathered}
