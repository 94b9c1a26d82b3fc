"""How the rules of types are written."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

Rule = Callable[[exp.Expr], exp.Expr | None]
"""Of a node whose children are in DuckDB's words, each with its Spark type: what is in its place, made of the node
itself or of its children; None leaves it. What it returns has the node's Spark type, unless it sets another."""

TypeRule = Callable[[exp.Expr], exp.DataType]
"""The Spark type of a node whose children have theirs."""


def always(spark_type: exp.DataType) -> TypeRule:
    """The type of a function that has one whatever its arguments."""
    return lambda _node: spark_type


def type_of(node: exp.Expr | None) -> exp.DType | None:
    """The kind of a node's Spark type; None where it is not known."""
    return node.type.this if node is not None and node.type is not None else None
