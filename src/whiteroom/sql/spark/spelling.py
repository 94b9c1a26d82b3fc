"""Spark's second spellings of the same become the first, before anything is asked of a query."""

from __future__ import annotations

from sqlglot import exp

_TYPE_FUNCTIONS = {
    "TINYINT": "TINYINT",
    "SMALLINT": "SMALLINT",
    "BIGINT": "BIGINT",
    "BOOLEAN": "BOOLEAN",
    "DECIMAL": "DECIMAL(10,0)",
    "BINARY": "BINARY",
}


def spell(tree: exp.Expr) -> None:
    """Change a parsed query in place."""
    for node in list(tree.find_all(exp.Any, exp.Anonymous, exp.Group)):
        if isinstance(node, exp.Any) and isinstance(node.this, exp.Paren) and not isinstance(node.parent, exp.Binary):
            node.replace(exp.LogicalOr(this=node.this.this.copy()))
        elif isinstance(node, exp.Anonymous) and len(node.expressions) == 1:
            to = _TYPE_FUNCTIONS.get(str(node.this).upper())
            if to is not None:
                node.replace(exp.TryCast(this=node.expressions[0].copy(), to=exp.DataType.build(to, dialect="spark")))
        elif isinstance(node, exp.Group):
            _spell_groups(node)
    for select in tree.find_all(exp.Select):
        sort = select.args.get("sort")
        if sort is not None and not select.args.get("order"):
            # Sorted within each partition: one order of all of them is so as well.
            select.set("order", exp.Order(expressions=sort.expressions))
            select.set("sort", None)


def _spell_groups(group: exp.Group) -> None:
    """GROUP BY a, b WITH ROLLUP is GROUP BY ROLLUP (a, b); columns before GROUPING SETS only name those of the sets."""
    for part, kind in (("rollup", exp.Rollup), ("cube", exp.Cube)):
        given = group.args.get(part) or []
        if len(given) == 1 and not given[0].expressions and group.expressions:
            group.set(part, [kind(expressions=group.expressions)])
            group.set("expressions", [])
    sets = group.args.get("grouping_sets") or []
    if sets and group.expressions:
        named = {
            each.unnest()
            for found in sets
            for one in found.expressions
            for each in (one.expressions if isinstance(one, exp.Tuple) else [one])
        }
        if all(each.unnest() in named for each in group.expressions):
            group.set("expressions", [])
