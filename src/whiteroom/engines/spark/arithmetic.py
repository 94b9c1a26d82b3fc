"""Arithmetic and functions of numbers."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines import dialect
from whiteroom.engines.spark.building import Rule, becomes, cast, type_of


def _whole(node: exp.Expr) -> exp.Expr | None:
    if type_of(node.this) in dialect.REAL_TYPES and not node.args.get("decimals"):
        return cast(node, "BIGINT", safe=True)
    return None


def _pmod(node: exp.Expr) -> exp.Expr:
    dividend, divisor = node.expressions
    remainder = exp.Mod(this=exp.paren(dividend), expression=exp.paren(divisor))
    raised = exp.paren(exp.Add(this=exp.paren(remainder), expression=exp.paren(divisor.copy())))
    return exp.Mod(this=raised, expression=exp.paren(divisor.copy()))


def _by_zero(node: exp.Expr) -> None:
    """Nothing divided by zero is NULL in Spark."""
    node.set("expression", exp.Nullif(this=node.expression, expression=exp.Literal.number(0)))


RULES: Mapping[type[exp.Expr], Rule] = {
    exp.Ceil: _whole,
    exp.Floor: _whole,
    exp.Mod: _by_zero,
    exp.IntDiv: _by_zero,
}
NAMED: Mapping[str, Rule] = {"PMOD": _pmod}
RESULTS: Mapping[type[exp.Expr], Rule] = {exp.Sign: becomes("DOUBLE")}
