"""How the rules of a translation are written: what replaces a node, in DuckDB's words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlglot import exp

from whiteroom.sql.spark.building import Rule

_VALUE = "wr$value"
"""What a lambda of ours calls its value. It hides that of a lambda around it, which is not asked for inside."""


def call(name: str, *arguments: exp.Expr | str | int) -> exp.Expr:
    """A function of DuckDB's, a macro (macros.py) or a native function of ours (natives.py)."""
    return exp.Anonymous(this=name, expressions=[_node(argument) for argument in arguments])


def cast(node: exp.Expr, to: str, *, safe: bool = False) -> exp.Expr:
    """DuckDB's cast, to one of its types; NULL for what does not fit where it is safe."""
    kind = exp.TryCast if safe else exp.Cast
    return kind(this=node, to=exp.DataType.build(to, dialect="duckdb"))


def lambda_of(names: Sequence[str], body: exp.Expr) -> exp.Expr:
    """A lambda of DuckDB's. Its names are written nowhere but in it."""
    return exp.Lambda(this=body, expressions=[exp.to_identifier(name, quoted=True) for name in names])


def each(values: exp.Expr, change: Callable[[exp.Expr], exp.Expr], of: exp.DataType | None = None) -> exp.Expr:
    """Every value of an array, changed; `of` is the Spark type of the values."""
    value = exp.column(_VALUE, quoted=True)
    value.type = of
    return call("LIST_TRANSFORM", values, lambda_of([_VALUE], change(value)))


def becomes(to: str, *, safe: bool = False) -> Rule:
    """A rule of RESULTS: the value becomes the DuckDB type that Spark gives it."""
    return lambda node: cast(node, to, safe=safe)


_DEEP = 2
"""So often may what is computed twice hold what is computed twice."""


def repeating(node: exp.Expr) -> exp.Expr:
    """Mark what names its operands more than once: text that doubled at every level would never end."""
    node.meta["spark_depth"] = 1 + max((each.meta.get("spark_depth", 0) for each in node.walk()), default=0)
    return node


def once_only(*nodes: exp.Expr) -> bool:
    """Whether operands may be named once only: they repeat too much already, or are of several rows."""
    found = [each for node in nodes for each in node.walk()]
    rows = any(isinstance(each, exp.AggFunc | exp.Window | exp.Query) for each in found)
    return rows or any(each.meta.get("spark_depth", 0) >= _DEEP for each in found)


def _node(argument: exp.Expr | str | int) -> exp.Expr:
    if isinstance(argument, str):
        return exp.Literal.string(argument)
    if isinstance(argument, int):
        return exp.Literal.number(argument) if argument >= 0 else exp.Neg(this=exp.Literal.number(-argument))
    return argument
