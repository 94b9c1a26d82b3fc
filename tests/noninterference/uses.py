"""What the first judge's tree says of where the protected columns stand: which twins a query is held to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from sqlglot import exp

from noninterference.twins import KEPT_IN
from whiteroom.domain.privacy.query_facts import QueryFacts
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.sql.lineage.facts import find_facts
from whiteroom.sql.lineage.origins import Origins
from whiteroom.sql.spark.generators import Generated


@dataclass(frozen=True, slots=True)
class Uses:
    """Of the columns in KEPT_IN."""

    met: frozenset[str]
    """Those in a predicate: WHERE, HAVING, QUALIFY, ON, FILTER; and what generators make rows of."""
    grouped: frozenset[str]
    """Those that rows are told apart by: GROUP BY, PARTITION BY, DISTINCT, set operations."""
    ordered: frozenset[str]
    outputs: tuple[frozenset[str], ...]
    """Those that each output column is made of."""
    grouped_apart: bool
    """Whether every SELECT that reads the protected table has its column `diag`, as it stands, for a key."""

    @property
    def steering(self) -> frozenset[str]:
        """Those that the owner cannot expect to be without effect where they may stand at all."""
        return self.met | self.grouped | self.ordered


@contextmanager
def watched(found: list[Uses]) -> Iterator[None]:
    """Have every query that the guard judges leave its uses in the list."""

    def seen(tree: exp.Query, views: Mapping[str, QueryTable]) -> tuple[QueryFacts, list[exp.Select]]:
        answer = find_facts(tree, views)
        found.append(find_uses(tree, views, answer[1]))
        return answer

    with patch("whiteroom.sql.judging.find_facts", seen):
        yield


def find_uses(tree: exp.Query, views: Mapping[str, QueryTable], selects: list[exp.Select]) -> Uses:
    """Of a resolved tree."""
    origins = Origins(tree, views)

    def kept_in(*nodes: exp.Expr | None) -> frozenset[str]:
        columns = {origin.column for node in nodes if node is not None for origin in origins.origins(node)}
        return frozenset(columns & KEPT_IN)

    met: frozenset[str] = frozenset()
    ordered: frozenset[str] = frozenset()
    grouped: frozenset[str] = frozenset()
    for node in tree.walk():
        met |= kept_in(*_predicates(node))
        grouped |= kept_in(*_keys(node, origins))
        if isinstance(node, exp.Ordered):
            ordered |= kept_in(node.this)
    return Uses(
        met,
        grouped,
        ordered,
        tuple(kept_in(*column) for column in origins.outputs(tree)),
        all(_grouped_apart(select, origins) for select in selects),
    )


def _predicates(node: exp.Expr) -> Iterator[exp.Expr | None]:
    if isinstance(node, exp.Where | exp.Having | exp.Qualify):
        yield node.this
    elif isinstance(node, exp.Join):
        yield node.args.get("on")
    elif isinstance(node, exp.Filter):
        yield node.expression
    elif isinstance(node, Generated):
        yield node.this


def _keys(node: exp.Expr, origins: Origins) -> Iterator[exp.Expr]:
    if isinstance(node, exp.Group):
        yield from node.expressions
        for part in ("grouping_sets", "cube", "rollup"):
            yield from node.args.get(part) or []
    elif isinstance(node, exp.Window):
        yield from node.args.get("partition_by") or []
    elif isinstance(node, exp.Select) and node.args.get("distinct"):
        yield from (projection.unalias() for projection in node.selects)
    elif isinstance(node, exp.SetOperation) and (node.args.get("distinct") or not isinstance(node, exp.Union)):
        for column in origins.outputs(node):
            yield from (each.unalias() for each in column)


def _grouped_apart(select: exp.Select, origins: Origins) -> bool:
    group = select.args.get("group")
    keys = {
        (key.table, key.name) for key in (group.expressions if group is not None else []) if isinstance(key, exp.Column)
    }
    plain = group is not None and not any(group.args.get(part) for part in ("grouping_sets", "cube", "rollup"))
    protected = [alias for alias, table in origins.reads(select).items() if table.name != "mine"]
    return not protected or (plain and all((alias, "diag") in keys for alias in protected))
