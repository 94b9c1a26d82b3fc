"""The types of CASE, COALESCE and whatever else chooses one of several values."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.spark import types
from whiteroom.sql.spark.building import TypeRule
from whiteroom.sql.spark.coercion import chosen_type
from whiteroom.sql.spark.types import DOUBLE, NULL, of


def case_branches(node: exp.Expr) -> list[exp.Expr]:
    """The values of which CASE chooses one."""
    branches = [branch.args["true"] for branch in node.args["ifs"]]
    default = node.args.get("default")
    return [*branches, default] if default is not None else branches


def _case_type(node: exp.Expr) -> exp.DataType:
    return chosen_type(case_branches(node))


def if_branches(node: exp.Expr) -> list[exp.Expr]:
    """The values of which IF chooses one."""
    return [part for part in (node.args.get("true"), node.args.get("false")) if part is not None]


def _if_type(node: exp.Expr) -> exp.DataType:
    if isinstance(node.parent, exp.Case):
        return of(node.args["true"])
    return chosen_type(if_branches(node))


def several_types(node: exp.Expr) -> list[exp.Expr]:
    """The values of which a function chooses one."""
    return [node.this, *node.expressions]


def _coalesce_type(node: exp.Expr) -> exp.DataType:
    return chosen_type(several_types(node))


def _greatest_type(node: exp.Expr) -> exp.DataType:
    return chosen_type(several_types(node), text=False)


def nanvl_type(node: exp.Expr) -> exp.DataType:
    """The type of nanvl."""
    kinds = {of(node.this), of(node.expression)}
    return types.FLOAT if kinds == {types.FLOAT} else DOUBLE


TYPES: Mapping[type[exp.Expr], TypeRule] = {
    exp.Case: _case_type,
    exp.If: _if_type,
    exp.Nvl2: _if_type,
    exp.Coalesce: _coalesce_type,
    exp.Greatest: _greatest_type,
    exp.Least: _greatest_type,
    exp.Nullif: lambda node: of(node.this) if of(node.this) != NULL else of(node.expression),
    exp.Nanvl: nanvl_type,
}
NAMED_TYPES: Mapping[str, TypeRule] = {}
