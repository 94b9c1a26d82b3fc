"""Casts: what Spark, without ANSI mode, makes of a value of one type as another."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines import dialect
from whiteroom.engines.spark.building import Rule, call, type_of


def _cut(node: exp.Expr) -> None:
    """A cast to an integer cuts the fraction off; DuckDB's own rounds."""
    if node.args["to"].this in dialect.INTEGER_TYPES and type_of(node.this) in dialect.FRACTION_TYPES:
        node.set("this", call("TRUNC", node.this))


def _utc(node: exp.Expr) -> None:
    """Every timestamp is a time of UTC without a zone: the session's zone in Spark terms."""
    if node.this in {exp.DType.TIMESTAMPTZ, exp.DType.TIMESTAMPLTZ, exp.DType.TIMESTAMPNTZ}:
        node.set("this", exp.DType.TIMESTAMP)


RULES: Mapping[type[exp.Expr], Rule] = {exp.Cast: _cut, exp.TryCast: _cut, exp.DataType: _utc}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = {}
