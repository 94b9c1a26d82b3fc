"""Comparisons, and choices between values: what types they are made in."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.spark.building import Rule


def _is_null(node: exp.Expr) -> exp.Expr:
    return exp.paren(exp.Is(this=exp.paren(node.expressions[0]), expression=exp.Null()))


def _is_not_null(node: exp.Expr) -> exp.Expr:
    return exp.paren(exp.Not(this=_is_null(node)))


RULES: Mapping[type[exp.Expr], Rule] = {}
NAMED: Mapping[str, Rule] = {"ISNULL": _is_null, "ISNOTNULL": _is_not_null}
RESULTS: Mapping[type[exp.Expr], Rule] = {}
