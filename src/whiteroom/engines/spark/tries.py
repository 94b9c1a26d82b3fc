"""try_add and its siblings: arithmetic that is NULL where an integer does not fit, and wraps nowhere."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.spark import arguments, arithmetic
from whiteroom.engines.spark.arguments import Function
from whiteroom.engines.spark.building import Rule, cast
from whiteroom.engines.spark.casts import duckdb_type
from whiteroom.engines.spark.types import is_integer

_OPERATORS: Mapping[str, type[exp.Binary]] = {
    "TRY_ADD": exp.Add,
    "TRY_SUBTRACT": exp.Sub,
    "TRY_MULTIPLY": exp.Mul,
    "TRY_DIVIDE": exp.Div,
}


def _plain(node: exp.Expr) -> exp.Binary:
    """The operator of the same arguments. Decimals that do not fit are NULL with it too."""
    left, right = map(_apart, node.expressions)
    return _OPERATORS[str(node.this).upper()](this=left, expression=right)


def _apart(node: exp.Expr) -> exp.Expr:
    """In parentheses, but for what is told by how it is written."""
    if isinstance(node, exp.Literal | exp.Interval):
        return node.copy()
    made = exp.paren(node.copy())
    made.type = node.type
    return made


def _type(node: exp.Expr) -> exp.DataType:
    made = _plain(node)
    return arithmetic.TYPES[type(made)](made)


def _tried(node: exp.Expr) -> exp.Expr | None:
    made = _plain(node)
    made.type = arithmetic.TYPES[type(made)](made)
    if is_integer(made.type):
        for part in ("this", "expression"):
            made.set(part, cast(made.args[part], "HUGEINT"))
        return cast(exp.paren(made), duckdb_type(made.type), safe=True)
    found = arithmetic.RULES[type(made)](made)
    return exp.paren(made) if found is None else found


FUNCTIONS: Mapping[str, Function] = {name: Function(2, 2, _type, _tried) for name in _OPERATORS}
RULES: Mapping[type[exp.Expr], Rule] = {}
NAMED: Mapping[str, Rule] = arguments.rules(FUNCTIONS)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
