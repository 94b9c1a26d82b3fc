"""Turns of a query into others that ask for more than it did: what an attacker tries first.

Each takes a parsed query and gives another, or None where it has no place to stand. None of them keeps to any rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from noninterference import alterations, steering, wrappings
from noninterference.attacker import Attacker

Turn = Callable[[exp.Query, Attacker], exp.Query | None]
TURNS: Mapping[str, Turn] = {
    turn.__name__: turn
    for turn in (
        wrappings.wrap, wrappings.star, wrappings.starred_secret, wrappings.exploded, wrappings.twice,
        wrappings.named_alike, wrappings.renamed_source, wrappings.user_alike,
        alterations.secret_inside, alterations.limit, alterations.order, alterations.on, alterations.met,
        alterations.window, alterations.alias, alterations.swapped, alterations.correlated,
        steering.sorted_by, steering.worked_out, steering.numbered,
    )
}  # fmt: skip
NAMES = tuple(sorted(TURNS))


def mutated(sql: str, attacker: Attacker, turns: Sequence[str]) -> str:
    """The query after these turns; itself where none fits."""
    try:
        tree = sqlglot.parse_one(sql, dialect="spark")
    except (SqlglotError, RecursionError):
        return sql
    if not isinstance(tree, exp.Query):
        return sql
    for name in turns:
        try:
            tree = TURNS[name](tree, attacker) or tree
        except SqlglotError:
            continue
    return tree.sql("spark")
