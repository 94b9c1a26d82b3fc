"""Puts the sizes that groups must have into the query, where no condition of the member's can go round them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlglot import exp

from whiteroom.domain.privacy.query_facts import Minimum


def require_minimums(selects: Sequence[exp.Select], minimums: Iterable[Minimum]) -> None:
    """Have each SELECT drop the groups that are too small, in place.

    The member's own HAVING stays one side of an AND, in parentheses; rows have been filtered by WHERE
    before, so that what is counted is what the aggregates of the group are made of.
    """
    for minimum in minimums:
        column = exp.column(minimum.column, table=minimum.read.alias, quoted=True)
        counted = exp.Count(this=exp.Distinct(expressions=[column]))
        condition: exp.Expr = exp.GTE(this=counted, expression=exp.Literal.number(minimum.count))
        select = selects[minimum.select]
        having = select.args.get("having")
        if having is not None:
            condition = exp.And(this=exp.paren(having.this.copy()), expression=condition)
        select.set("having", exp.Having(this=condition))
