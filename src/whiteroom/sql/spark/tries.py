"""The types of try_add and its siblings."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.spark import arithmetic
from whiteroom.sql.spark.arguments import Function

OPERATORS: Mapping[str, type[exp.Binary]] = {
    "TRY_ADD": exp.Add,
    "TRY_SUBTRACT": exp.Sub,
    "TRY_MULTIPLY": exp.Mul,
    "TRY_DIVIDE": exp.Div,
}


def plain(node: exp.Expr) -> exp.Binary:
    """The operator of the same arguments. Decimals that do not fit are NULL with it too."""
    left, right = map(_apart, node.expressions)
    return OPERATORS[str(node.this).upper()](this=left, expression=right)


def _apart(node: exp.Expr) -> exp.Expr:
    """In parentheses, except literals and intervals, whose spelling matters."""
    if isinstance(node, exp.Literal | exp.Interval):
        return node.copy()
    made = exp.paren(node.copy())
    made.type = node.type
    return made


def result_type_of(node: exp.Expr) -> exp.DataType:
    """The type of the operator that it tries."""
    made = plain(node)
    return arithmetic.TYPES[type(made)](made)


FUNCTIONS: Mapping[str, Function] = {name: Function(2, 2, result_type_of) for name in OPERATORS}
