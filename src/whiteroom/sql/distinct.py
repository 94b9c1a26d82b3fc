"""Has SELECT DISTINCT group, where groups must be of a size: SELECT DISTINCT a, b is GROUP BY a, b."""

from __future__ import annotations

from sqlglot import exp


def group_distinct(tree: exp.Query) -> None:
    """Write it so, in place, in every SELECT of a canonical tree that has no groups and no aggregates of its own."""
    for select in tree.find_all(exp.Select):
        if not select.args.get("distinct") or select.args.get("group") or select.args.get("having"):
            continue
        shown = [node.unalias() for node in select.selects]
        # A literal in GROUP BY would be the place of a column.
        keys = [node for node in shown if node.find(exp.Column)]
        if keys and not any(node.find(exp.AggFunc, exp.Window, exp.Query) for node in shown):
            select.set("distinct", None)
            select.set("group", exp.Group(expressions=[node.copy() for node in keys]))
