"""What every aggregate has: the value that it is of, and what is around it (FILTER, WITHIN GROUP, OVER)."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from whiteroom.engines.duckdb.spark.casts import convert
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.aggregate_arguments import HOLDERS, argument, numeric
from whiteroom.sql.spark.types import DOUBLE, of


def set_argument(node: exp.Expr, change: Callable[[exp.Expr], exp.Expr]) -> None:
    """Put another value in the place of the one that is aggregated.

    Raises:
        Refused: DISTINCT of several values.
    """
    inner = node.this
    if isinstance(inner, exp.Distinct):
        if len(inner.expressions) != 1:
            raise Refused(f"{node.sql_name() if isinstance(node, exp.Func) else node.key} takes one value.")
        inner.set("expressions", [change(inner.expressions[0])])
    elif isinstance(inner, exp.Order):
        inner.set("this", change(inner.this))
    else:
        node.set("this", change(inner))


def core_of(node: exp.Expr) -> exp.Expr:
    """The function that FILTER, WITHIN GROUP and OVER are around."""
    while isinstance(node, HOLDERS):
        node = node.this
    return node


def with_core(node: exp.Expr, change: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """A copy of a function and what is around it, with another function in its place."""
    copied = node.copy()
    core = core_of(copied)
    made = change(core)
    if core is copied:
        return made
    core.replace(made)
    return copied


def doubles(node: exp.Expr) -> None:
    """Make DOUBLE of what is aggregated, of both values where there are two."""
    given = of(argument(node))
    numeric(node, given)
    set_argument(node, lambda value: convert(value, DOUBLE))
    if node.args.get("expression") is not None:
        node.set("expression", convert(node.expression, DOUBLE))
