"""What a judged query compares the columns of its tables with: of each use of a table, what holds for all that it sees.

Only what is beside the table, in the WHERE of the SELECT whose FROM names it or in the ON of an inner join there,
and only comparisons that are never true of NULL: without the rows of which they are not true, an outer join makes rows
with NULL, which the same comparison keeps out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sqlglot import exp

from whiteroom.domain.privacy.partitions import AnyOf, Comparison, Operator, Use

_OPERATORS: Mapping[type[exp.Expr], tuple[Operator, Operator]] = {
    exp.EQ: (Operator.EQ, Operator.EQ),
    exp.NEQ: (Operator.NE, Operator.NE),
    exp.LT: (Operator.LT, Operator.GT),
    exp.LTE: (Operator.LE, Operator.GE),
    exp.GT: (Operator.GT, Operator.LT),
    exp.GTE: (Operator.GE, Operator.LE),
}
"""And the same from the right to the left."""


def uses_of(tree: exp.Query, views: Collection[str]) -> dict[str, tuple[Use, ...]]:
    """Of each view, what holds for all rows that each of its uses in the query sees.

    Args:
        tree: in canonical form: every source has a name of its own.
        views: the names of the tables' views.
    """
    found: dict[str, list[Use]] = {view: [] for view in views}
    for table in tree.find_all(exp.Table):
        if table.name in found:
            found[table.name].append(tuple(_beside(table)))
    return {view: tuple(uses) for view, uses in found.items()}


def _beside(table: exp.Table) -> Iterator[AnyOf]:
    select = table.parent_select
    if not isinstance(select, exp.Select) or not _stands_in_from(table):
        return
    conditions = [select.args["where"].this] if select.args.get("where") else []
    # A join that is not inner has rows of one side whatever its condition says.
    joins = select.args.get("joins") or []
    if not any(join.side or join.kind not in {"", "INNER", "CROSS"} for join in joins):
        conditions += [join.args["on"] for join in joins if join.args.get("on")]
    for condition in conditions:
        for conjunct in _conjuncts(condition):
            if any_of := _any_of(conjunct, table.alias_or_name):
                yield any_of


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        yield from _conjuncts(condition.left)
        yield from _conjuncts(condition.right)
    elif isinstance(condition, exp.Between) and not condition.args.get("symmetric"):
        yield exp.GTE(this=condition.this, expression=condition.args["low"])
        yield exp.LTE(this=condition.this, expression=condition.args["high"])
    else:
        yield condition


def _stands_in_from(table: exp.Table) -> bool:
    return isinstance(table.parent, exp.From | exp.Join)


def _any_of(condition: exp.Expr, source: str) -> AnyOf:
    """Comparisons of a source's columns of which one holds; none where that cannot be said."""
    condition = condition.unnest()
    if isinstance(condition, exp.Or):
        parts = [_any_of(part, source) for part in condition.flatten()]
        return tuple(one for part in parts for one in part) if all(parts) else ()
    if isinstance(condition, exp.In) and not condition.args.get("query"):
        each = [_comparison(condition.this, (Operator.EQ,) * 2, value, source) for value in condition.expressions]
        return tuple(one for one in each if one) if each and all(each) else ()
    operators = _OPERATORS.get(type(condition))
    one = operators and _comparison(condition.this, operators, condition.expression, source)
    return (one,) if one else ()


def _comparison(
    left: exp.Expr, operators: tuple[Operator, Operator], right: exp.Expr, source: str
) -> Comparison | None:
    there, back = operators
    if not isinstance(left, exp.Column):
        left, right, there = right, left, back
    if not isinstance(left, exp.Column) or left.table != source:
        return None
    literal = _literal(right)
    return None if literal is None else Comparison(left.name.lower(), there, literal[0], literal[1])


def _literal(node: exp.Expr) -> tuple[str, bool] | None:
    """A literal as it is written, and whether in quotes; a date is what its text is."""
    node = node.unnest()
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return f"-{node.this.this}", False
    if isinstance(node, exp.Cast) and isinstance(node.this, exp.Literal) and node.this.is_string:
        return (node.this.this, True) if node.to.is_type(exp.DType.DATE) else None
    return (node.this, node.is_string) if isinstance(node, exp.Literal) else None
