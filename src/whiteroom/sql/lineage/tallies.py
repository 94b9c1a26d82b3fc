"""What aggregate functions compute from a column, besides choosing one of its values.

A count says of how many rows a value is there: of count(to_date(zip, '10038')) whether it is '10038', with nothing
that is written as a comparison. A sum, a mean or a percentile between two values is arithmetic, and which rows are in
a group is the querier's choice: so many times one salary is more than so many times another.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

CHOOSING = (
    exp.Max,
    exp.Min,
    exp.AnyValue,
    exp.First,
    exp.Last,
    exp.FirstValue,
    exp.LastValue,
    exp.NthValue,
    exp.Lag,
    exp.Lead,
    exp.ArgMax,
    exp.ArgMin,
    exp.PercentileDisc,
    exp.Rank,
    exp.DenseRank,
    exp.PercentRank,
    exp.CumeDist,
    exp.Ntile,
    exp.Grouping,
    exp.GroupingId,
)
"""Aggregates that give one of their values as it is, or a place in an order."""


def counted_apart(node: exp.Expr) -> Iterator[exp.Expr]:
    """What distinct values are counted of."""
    if isinstance(node, exp.ApproxDistinct):
        yield node.this
    elif isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct):
        yield from node.this.expressions


def worked_out(node: exp.Expr) -> Iterator[exp.Expr]:
    """What any other number is made of, but for what is chosen from its values."""
    if not isinstance(node, exp.AggFunc) or isinstance(node, CHOOSING) or any(counted_apart(node)):
        return
    for argument in node.args.values():
        for part in argument if isinstance(argument, list) else [argument]:
            if isinstance(part, exp.Expr) and not isinstance(part, exp.Star):
                yield part
    if isinstance(node.parent, exp.WithinGroup):
        yield node.parent.expression
