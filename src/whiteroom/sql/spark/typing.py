"""The Spark type of every expression of a query: result types by node class, each module's own.

sqlglot's annotation knows too little of Spark's decimals and implicit casts. Its types stay where no rule is.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from whiteroom.sql.spark import (
    aggregates,
    arithmetic,
    arrays,
    casts,
    choices,
    collected,
    comparisons,
    generators,
    lambdas,
    numbers,
    percentiles,
    strings,
    structs,
    windows,
)
from whiteroom.sql.spark.building import TypeRule, always
from whiteroom.sql.spark.functions import FUNCTIONS
from whiteroom.sql.spark.types import UNKNOWN, normal, of, wider

_MODULES = (
    casts,
    arithmetic,
    numbers,
    comparisons,
    choices,
    aggregates,
    percentiles,
    windows,
    structs,
    generators,
    arrays,
    lambdas,
    collected,
    strings,
)

TYPES: Mapping[type[exp.Expr], TypeRule] = {kind: rule for module in _MODULES for kind, rule in module.TYPES.items()}
NAMED_TYPES: Mapping[str, TypeRule] = {name: rule for module in _MODULES for name, rule in module.NAMED_TYPES.items()}
_HOLD_A_VALUE = (exp.Paren, exp.Alias, exp.Ordered, exp.Distinct, exp.Order)

Columns = Mapping[str, Mapping[str, str]]
"""Spark's types of the columns of each view, in lower case."""


def annotate(tree: exp.Query, columns: Columns) -> None:
    """Set the Spark type of every expression of a qualified query, in place.

    Raises:
        Refused: Spark does not compute, compare or choose between the types that meet.
    """
    for scope in traverse_scope(tree):
        nodes = list(scope.walk())
        inside = {id(part) for node in nodes if isinstance(node, exp.Lambda) for part in node.walk()}
        for node in nodes:
            if isinstance(node, exp.Column) and id(node) in inside:
                _set_column_type(node, scope, columns)
        for node in reversed(nodes):
            if isinstance(node, exp.Column):
                _set_column_type(node, scope, columns)
            elif id(node) not in inside:
                retype_node(node)


def retype(tree: exp.Expr) -> None:
    """The same of a tree whose columns have their types."""
    nodes = list(tree.walk(bfs=True, prune=lambda node: isinstance(node, exp.Lambda) and node is not tree))
    for node in reversed(nodes):
        # The function that a lambda belongs to knows the types of its variables.
        if not isinstance(node, exp.Column) and (node is tree or not isinstance(node, exp.Lambda)):
            retype_node(node)


def retype_node(node: exp.Expr) -> None:
    """Set the type of one node whose children have theirs."""
    if isinstance(node, exp.Anonymous):
        for found in lambdas.bind_types(node):
            retype(found)
        rule = NAMED_TYPES.get(str(node.this).upper()) or _given(str(node.this).upper())
    else:
        rule = TYPES.get(type(node))
    if rule is not None:
        node.type = rule(node)
    elif isinstance(node, exp.Distinct) and len(node.expressions) == 1:
        node.type = of(node.expressions[0])
    elif isinstance(node, _HOLD_A_VALUE) and node.args.get("this") is not None:
        node.type = of(node.this)
    elif isinstance(node, exp.Query):
        outputs = output_types(node)
        if len(outputs) == 1:
            node.type = outputs[0]
    elif isinstance(node, exp.Expr) and node.type is not None:
        node.type = normal(node.type)


def _given(name: str) -> TypeRule | None:
    function = FUNCTIONS.get(name)
    if function is None:
        return None
    gives = function.gives
    if isinstance(gives, str):
        return always(normal(exp.DataType.build(gives, dialect="spark")))
    return lambda node: normal(gives(node)) if isinstance(node, exp.Anonymous) else UNKNOWN


def output_types(query: exp.Expr) -> list[exp.DataType]:
    """The types of a query's columns."""
    if isinstance(query, exp.SetOperation):
        left, right = output_types(query.this), output_types(query.expression)
        pairs = zip(left, right, strict=False)
        return [first if first == second else (wider(first, second) or UNKNOWN) for first, second in pairs]
    if isinstance(query, exp.Select):
        return [of(projection) for projection in query.selects]
    if isinstance(query, exp.Subquery | exp.CTE):
        return output_types(query.this)
    return []


def _set_column_type(column: exp.Column, scope: Scope, columns: Columns) -> None:
    found = _column_type(column, scope, columns)
    if found is not None:
        column.type = found


def _column_type(column: exp.Column, scope: Scope, columns: Columns) -> exp.DataType | None:
    around: Scope | None = scope
    while around is not None:
        source = around.sources.get(column.table)
        if isinstance(source, exp.Table):
            written = columns.get(source.name, {}).get(column.name)
            return None if written is None else normal(exp.DataType.build(written, dialect="spark"))
        if isinstance(source, Scope) and isinstance(source.expression, exp.Lateral):
            return _generated_type(source.expression, column.name)
        if isinstance(source, Scope):
            return _output_type(source.expression, column.name)
        around = around.parent
    if not column.table:
        # The name of an output column, in ORDER BY or HAVING.
        return _output_type(scope.expression, column.name)
    return None


def _generated_type(lateral: exp.Lateral, name: str) -> exp.DataType | None:
    held, names = of(lateral.this.this), lateral.alias_column_names
    if held == UNKNOWN or name not in names:
        return None
    columns = generators.columns_of(str(lateral.this.args["kind"]), held)
    place = names.index(name)
    return columns[place][1] if place < len(columns) else None


def _output_type(query: exp.Expr, name: str) -> exp.DataType | None:
    bare = query.unnest() if isinstance(query, exp.Subquery) else query
    if not isinstance(bare, exp.Query):
        return None
    for written, found in zip(bare.named_selects, output_types(bare), strict=False):
        if written == name:
            return found
    return None
