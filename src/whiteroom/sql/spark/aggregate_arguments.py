"""What aggregates take: numbers, or what Spark makes numbers of."""

from __future__ import annotations

from sqlglot import exp

from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.types import NULL, STRING, UNKNOWN, is_number, of

HOLDERS = (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.Window)
"""What is around an aggregate, and has it as its `this`."""


def argument(node: exp.Expr) -> exp.Expr:
    """The value that is aggregated, without DISTINCT and ORDER BY."""
    inner: exp.Expr = node.this
    if isinstance(inner, exp.Distinct):
        inner = inner.expressions[0]
    return inner.this if isinstance(inner, exp.Order) else inner


def numeric(node: exp.Expr, given: exp.DataType) -> None:
    """Let through what an aggregate of numbers takes.

    Raises:
        Refused: it is neither a number nor text, which Spark reads as one.
    """
    if not is_number(given) and given not in (STRING, NULL, UNKNOWN):
        name = node.sql_name() if isinstance(node, exp.Func) else node.key
        raise Refused(f"{name} takes numbers in Spark, not {given.sql('spark').lower()}. Cast the value to a number.")


def argument_type(node: exp.Expr) -> exp.DataType:
    """The type of an aggregate that gives one of its values."""
    return of(argument(node))
