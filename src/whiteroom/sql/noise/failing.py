"""What may fail on a value, and which values are alike: a failing query reveals something of the row it fails on."""

from __future__ import annotations

from sqlglot import exp

from whiteroom.sql import constructs
from whiteroom.sql.spark.lambdas import Variable

_TEXT = frozenset({exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.CHAR})

_WHOLE_OR_REAL = constructs.INTEGER_TYPES | constructs.REAL_TYPES

_NEVER_FAIL = (
    exp.Alias,
    exp.Paren,
    exp.And,
    exp.Or,
    exp.Not,
    exp.Is,
    exp.Exists,
    exp.Ordered,
    exp.Distinct,
    exp.Filter,
    exp.Window,
    exp.WindowSpec,
    exp.WithinGroup,
    exp.Tuple,
    exp.AggFunc,
    exp.Query,
    exp.Where,
    exp.Having,
    exp.Qualify,
    exp.Group,
    exp.Order,
    exp.RowNumber,
    exp.Rank,
    exp.DenseRank,
    exp.PercentRank,
    exp.CumeDist,
    exp.Lambda,
    Variable,
)
"""Nodes that fail on no value, whatever they hold."""

_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Between, exp.In)


def is_value(node: exp.Expr) -> bool:
    """Whether a node is worked out to a value for each row, as sqlglot's classes have it and leave some out."""
    if isinstance(node, exp.Interval):
        return not isinstance(node.this, exp.Literal)
    return isinstance(node, exp.Condition | exp.AtTimeZone | exp.FromTimeZone)


def can_fail(node: exp.Expr) -> bool:
    """Whether an operator or a function may fail on a value, apart from what it holds."""
    if isinstance(node, _NEVER_FAIL):
        return False
    if isinstance(node, exp.Cast) and node.this.type == node.args["to"]:
        return False
    if isinstance(node, _COMPARISONS):
        return not alike([part for part in node.iter_expressions() if not isinstance(part, exp.DataType)])
    if isinstance(node, exp.Coalesce):
        return not alike([node.this, *node.expressions])
    return True


def can_fail_uncaught(node: exp.Expr) -> bool:
    """Whether it may fail and no TRY of an engine can hold it: it has an aggregate or a sub-query in it."""
    parts = (exp.Identifier, exp.DataType, exp.Literal, exp.Column, exp.Star, exp.Null, exp.Boolean, exp.Var)
    if isinstance(node, parts) or not can_fail(node):
        return False
    if isinstance(node, exp.Cast):
        # It becomes TRY_CAST, which holds anything.
        return False
    return holds_rows(node)


def holds_rows(node: exp.Expr) -> bool:
    """Whether an aggregate, a window function or a sub-query is inside."""
    return any(part is not node for part in node.find_all(exp.AggFunc, exp.Window, exp.Query))


def alike(nodes: list[exp.Expr]) -> bool:
    """Whether values are of one kind, so that comparing them casts nothing that may not fit."""
    kinds = {kind_of(node) for node in nodes}
    return len(kinds - {"null"}) <= 1 and None not in kinds


def same_type(first: exp.Expr, second: exp.Expr) -> bool:
    """Whether two identifiers are equal only where they are the same: '01' and 1 are two, and a cast makes them one."""
    types = [node.type.this if node.type is not None else exp.DType.UNKNOWN for node in (first, second)]
    if exp.DType.UNKNOWN in types:
        return False
    if types[0] is exp.DType.DECIMAL:
        # One of two scales would be cast to the other's, and two numbers might become one.
        return first.type == second.type
    return types[0] is types[1] or all(found in _TEXT for found in types)


def kind_of(node: exp.Expr) -> str | None:
    """What a value is: values of one kind compare without a cast that may not fit. None where that is not known."""
    if isinstance(node, exp.Null):
        return "null"
    if isinstance(node, exp.Query):
        return kind_of(node.selects[0]) if len(node.selects) == 1 else None
    found = node.type.this if node.type is not None else None
    if found in _WHOLE_OR_REAL:
        return "number"
    if found in _TEXT:
        return "text"
    known = {exp.DType.BOOLEAN: "boolean", exp.DType.DATE: "date", exp.DType.TIMESTAMP: "timestamp"}
    return known.get(found) if found is not None else None
