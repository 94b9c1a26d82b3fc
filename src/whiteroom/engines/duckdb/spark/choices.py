"""Choices between values: CASE, if, coalesce, greatest, nullif and nanvl, and the type that all of them become."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark.building import call
from whiteroom.engines.duckdb.spark.casts import convert
from whiteroom.engines.duckdb.spark.coercion import common_type
from whiteroom.engines.duckdb.spark.comparisons import comparable
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import types
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.choices import case_branches, if_branches, nanvl_type, several_types
from whiteroom.sql.spark.types import UNKNOWN, of


def _case(node: exp.Expr) -> exp.Expr | None:
    common = common_type("choose between", case_branches(node))
    if common is not None:
        for branch in node.args["ifs"]:
            branch.set("true", convert(branch.args["true"], common))
        if node.args.get("default") is not None:
            node.set("default", convert(node.args["default"], common))
    value = node.this
    if value is not None and any(of(branch.this) != of(value) for branch in node.args["ifs"]):
        # Each WHEN is compared in a type of its own.
        for branch in node.args["ifs"]:
            left, right = comparable(node, value.copy(), branch.this)
            branch.set("this", exp.EQ(this=exp.paren(left), expression=exp.paren(right)))
        node.set("this", None)
    return None


def _if(node: exp.Expr) -> None:
    if isinstance(node.parent, exp.Case):
        return
    common = common_type("choose between", if_branches(node))
    if common is not None:
        for name in ("true", "false"):
            if node.args.get(name) is not None:
                node.set(name, convert(node.args[name], common))


def _nvl2(node: exp.Expr) -> exp.Expr:
    _if(node)
    present = exp.Not(this=exp.Is(this=exp.paren(node.this), expression=exp.Null()))
    return exp.Case(ifs=[exp.If(this=present, true=node.args["true"])], default=node.args.get("false"))


def _coalesce(node: exp.Expr) -> None:
    common = common_type("choose between", several_types(node))
    if common is not None:
        node.set("this", convert(node.this, common))
        node.set("expressions", [convert(each, common) for each in node.expressions])


def _greatest(node: exp.Expr) -> None:
    if any(types.is_nested(of(each)) for each in several_types(node)):
        raise Refused("greatest and least take no arrays and no maps here. Compare them with < in a CASE.")
    common = common_type("choose between", several_types(node), text=False)
    if common is not None:
        node.set("this", convert(node.this, common))
        node.set("expressions", [convert(each, common) for each in node.expressions])


def _nullif(node: exp.Expr) -> exp.Expr | None:
    left, right = node.this, node.expression
    if of(left) == of(right) or UNKNOWN in (of(left), of(right)):
        return None
    first, second = comparable(exp.EQ(), left.copy(), right)
    equal = exp.EQ(this=exp.paren(first), expression=exp.paren(second))
    return exp.Case(ifs=[exp.If(this=equal, true=exp.Null())], default=left)


def _nanvl(node: exp.Expr) -> exp.Expr:
    to = nanvl_type(node)
    first = convert(node.this, to)
    isnan = call("isnan", first.copy())
    return exp.Case(ifs=[exp.If(this=isnan, true=convert(node.expression, to))], default=first)


RULES: Mapping[type[exp.Expr], Rule] = {
    exp.Case: _case,
    exp.If: _if,
    exp.Nvl2: _nvl2,
    exp.Coalesce: _coalesce,
    exp.Greatest: _greatest,
    exp.Least: _greatest,
    exp.Nullif: _nullif,
    exp.Nanvl: _nanvl,
}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = {}
