"""Writes VALUES out as SELECTs of literals, so that what they hold is followed as every other literal is."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from whiteroom.sql.refusals import Refused

MAX_ROWS = 1_000


def write_values_out(tree: exp.Expr) -> None:
    """Replace every VALUES in a FROM, in place: SELECT 1 AS a, 2 AS b UNION ALL SELECT 3, 4.

    Raises:
        Refused: rows of different lengths, more than there may be, or something else than literals.
    """
    for node in list(tree.find_all(exp.Values)):
        rows = [_row(row) for row in node.expressions]
        if len(rows) > MAX_ROWS:
            raise Refused(f"VALUES has {len(rows):,} rows; the limit is {MAX_ROWS:,}. Associate a table for more.")
        names = node.alias_column_names or [f"col{place}" for place in range(1, len(rows[0]) + 1)]
        if any(len(row) != len(names) for row in rows):
            raise Refused("The rows of VALUES, and the names of its columns, are not of one number.")
        for part in node.find_all(exp.Column, exp.Query):
            raise Refused(f"VALUES takes literals, and {part.key.upper()} is none.")
        alias = exp.TableAlias(this=exp.to_identifier(node.alias)) if node.alias else None
        node.replace(exp.Subquery(this=_together(rows, names), alias=alias))


def _row(node: exp.Expr) -> list[exp.Expr]:
    return list(node.expressions) if isinstance(node, exp.Tuple) else [node.this]


def _together(rows: Sequence[Sequence[exp.Expr]], names: Sequence[str]) -> exp.Query:
    """In halves: a long chain would be too deep."""
    if len(rows) == 1:
        named = zip(rows[0], names, strict=True)
        return exp.Select(expressions=[exp.alias_(value.copy(), name, quoted=True) for value, name in named])
    half = len(rows) // 2
    return exp.Union(
        this=exp.Subquery(this=_together(rows[:half], names)) if half > 1 else _together(rows[:half], names),
        expression=exp.Subquery(this=_together(rows[half:], names)),
        distinct=False,
    )
