"""Which parts of a resolved query decide which rows there are, and which put rows into groups."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from whiteroom.sql.spark.generators import Generated


def filters(tree: exp.Query) -> Iterator[exp.Expr]:
    """What decides which rows there are.

    A sub-query in an expression is one whole: rows are joined with it, by whatever it is compared with.
    """
    for node in tree.walk():
        if isinstance(node, exp.Where | exp.Having | exp.Qualify | exp.Limit | exp.Offset):
            yield node
        elif isinstance(node, exp.Join) and node.args.get("on") is not None:
            yield node.args["on"]
        elif isinstance(node, exp.Filter):
            yield node.expression
        elif isinstance(node, Generated):
            # As many rows as there are values.
            yield node.this
        elif isinstance(node, exp.Intersect | exp.Except):
            yield from outputs(node)
        elif isinstance(node, exp.Select) and _in_expression(node):
            yield _around(node)


def groups(tree: exp.Query) -> Iterator[exp.Expr]:
    """What rows are put together by."""
    for node in tree.walk():
        if isinstance(node, exp.Group):
            yield node
            if node.args.get("all") and isinstance(node.parent, exp.Select):
                yield from node.parent.selects
        elif isinstance(node, exp.Select) and _in_expression(node):
            # One that is correlated has a group for each row that it is asked for.
            yield _around(node)
        elif isinstance(node, exp.Window):
            yield from node.args.get("partition_by") or []
        if isinstance(node, exp.Select) and node.args.get("distinct"):
            yield from node.selects
        elif isinstance(node, exp.SetOperation) and (node.args.get("distinct") or not isinstance(node, exp.Union)):
            yield from outputs(node)


def outputs(query: exp.Expr) -> Iterator[exp.Expr]:
    """The output columns of every SELECT that a query is put together of."""
    if isinstance(query, exp.SetOperation):
        yield from outputs(query.left)
        yield from outputs(query.right)
    elif isinstance(query, exp.Select):
        yield from query.selects
    elif isinstance(query, exp.Subquery):
        yield from outputs(query.this)


def _in_expression(select: exp.Select) -> bool:
    node: exp.Expr | None = select.parent
    while isinstance(node, exp.Subquery | exp.SetOperation):
        node = node.parent
    return node is not None and not isinstance(node, exp.From | exp.Join | exp.CTE | exp.Table)


def _around(select: exp.Select) -> exp.Expr:
    """A sub-query with what it is compared with."""
    node: exp.Expr = select
    while isinstance(node.parent, exp.Subquery | exp.SetOperation | exp.Paren | exp.Any | exp.All | exp.Not):
        node = node.parent
    return node.parent if isinstance(node.parent, exp.Predicate) else node
