"""What every aggregate has: the value that it is of, and what stands around it (FILTER, WITHIN GROUP, OVER)."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark.casts import convert
from whiteroom.engines.spark.types import DOUBLE, NULL, STRING, UNKNOWN, is_number, of

HOLDERS = (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.Window)
"""What stands around an aggregate, and has it as its `this`."""


def argument(node: exp.Expr) -> exp.Expr:
    """The value that is aggregated, without DISTINCT and ORDER BY."""
    inner: exp.Expr = node.this
    if isinstance(inner, exp.Distinct):
        inner = inner.expressions[0]
    return inner.this if isinstance(inner, exp.Order) else inner


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


def numeric(node: exp.Expr, given: exp.DataType) -> None:
    """Let through what an aggregate of numbers takes.

    Raises:
        Refused: it is neither a number nor text, which Spark reads as one.
    """
    if not is_number(given) and given not in (STRING, NULL, UNKNOWN):
        name = node.sql_name() if isinstance(node, exp.Func) else node.key
        raise Refused(f"{name} takes numbers in Spark, not {given.sql('spark').lower()}. Cast the value to a number.")


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


def argument_type(node: exp.Expr) -> exp.DataType:
    """The type of an aggregate that gives one of its values."""
    return of(argument(node))
