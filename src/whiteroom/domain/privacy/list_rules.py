"""LIST rules: rows of the overlap, in the columns that the owner lists.

Sources: AnalysisRuleList of the `cleanrooms` model (2022-02-17); docs/sources.md, analysis-rules-list.
"""

from __future__ import annotations

from collections.abc import Collection

from whiteroom.domain.privacy.query_facts import Place, QueryFacts, SelectFacts
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.privacy.structured_queries import (
    folded,
    join_refusals,
    overlap_refusals,
    place_refusals,
    shape_refusals,
)

FIELDS = frozenset({"joinColumns", "allowedJoinOperators", "listColumns", "additionalAnalyses"})
"""The fields that are enforced; a rule with another one is refused."""

_CLAUSES = ("DISTINCT", "WHERE", "LIMIT")


def list_refusals(facts: QueryFacts, table: QueryTable, querier_tables: Collection[str]) -> list[str]:
    """Why a table's LIST rule does not let a query be; nothing where it does."""
    refusals = shape_refusals(facts, table, _CLAUSES)
    if refusals:
        return refusals
    for select in facts.selects:
        refusals += _select_refusals(select, table, querier_tables)
    return refusals


def _select_refusals(select: SelectFacts, table: QueryTable, querier_tables: Collection[str]) -> list[str]:
    policy = table.rule or {}
    refusals = join_refusals(select, table, policy)
    refusals += overlap_refusals(select, table, querier_tables, join_needed=True)
    if "DISTINCT" not in select.clauses:
        refusals.append(f"{table.title} has a rule of type LIST: begin the query with SELECT DISTINCT.")
    listed = folded(policy["listColumns"])
    places = {Place.OUTPUT: listed, Place.FILTER: listed, Place.JOIN: folded(policy["joinColumns"])}
    refusals += place_refusals(
        select, table, places, "Output and WHERE take the listColumns of its rule, JOIN takes its joinColumns."
    )
    functions = sorted(select.functions | {aggregate.function for aggregate in select.aggregates})
    if functions:
        refusals.append(
            f"{table.title} has a rule of type LIST, which takes no functions: leave out {', '.join(functions)}."
        )
    if not all(output.plain for output in select.outputs):
        refusals.append(
            f"{table.title} has a rule of type LIST: its output is columns as they stand, and nothing else."
        )
    return refusals
