"""What AGGREGATION and LIST rules share: one SELECT over tables, INNER JOINs on join columns, each column in its place.

Sources: docs/sources.md, analysis-rules-aggregation and analysis-rules-list ("query structure and syntax", "join
controls").
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from whiteroom.domain.privacy.query_facts import Place, QueryFacts, SelectFacts
from whiteroom.domain.privacy.query_tables import QueryTable

_DEFAULT_JOIN_OPERATORS = ("AND",)
"""Where the owner does not say ("Default is AND", allowedJoinOperators); an empty list allows none."""


def shape_refusals(facts: QueryFacts, table: QueryTable, clauses: Collection[str]) -> list[str]:
    """What the query has beyond one SELECT over tables with these clauses."""
    found = set(facts.constructs)
    for select in facts.selects:
        found |= select.clauses - set(clauses)
        found |= {"window function"} if select.windows else set()
    return [
        f"{table.title} has a rule of type {table.rule_type}, which takes no {name}. Ask for {table.rule_type} "
        f"queries as one SELECT over tables, with {', '.join(clauses)} at most."
        for name in sorted(found)
    ]


def join_refusals(select: SelectFacts, table: QueryTable, policy: Mapping[str, Any]) -> list[str]:
    """What is wrong with the joins of a SELECT that reads the table: all of them, since each can widen it."""
    operators = policy.get("allowedJoinOperators")
    allowed = frozenset(_DEFAULT_JOIN_OPERATORS if operators is None else operators)
    refusals = []
    for join in select.joins:
        if join.kind != "INNER":
            refusals.append(f"{table.title} takes INNER JOIN only, not {join.kind} JOIN. Use INNER JOIN ... ON.")
        elif join.other or not join.pairs:
            refusals.append(
                f"{table.title} may only be joined where columns are equal. Write each condition of ON as "
                "joined_table.column = earlier_table.column."
            )
        if join.operators - allowed:
            names = " and ".join(sorted(join.operators - allowed))
            refusals.append(
                f"{table.title} does not allow {names} between join conditions. Leave it out: its owner decides which "
                "may stand there, in allowedJoinOperators (UpdateConfiguredTableAnalysisRule)."
            )
    return refusals


def overlap_refusals(
    select: SelectFacts, table: QueryTable, querier_tables: Collection[str], *, join_needed: bool
) -> list[str]:
    """Whether the query is over the overlap with a table of the querier.

    Every table after the first is joined with an earlier one (`join_refusals`), so that all tables
    of the SELECT hang together: it is enough that one of them is the querier's.
    """
    joined = bool(select.joins) or not join_needed
    if joined and any(read.table in querier_tables for read in select.reads):
        return []
    refusal = f"{table.title} can be queried only where it overlaps with a table of the member who queries."
    return [f"{refusal} Join it, directly or through others, with a table that you own."]


def place_refusals(
    select: SelectFacts, table: QueryTable, columns: Mapping[Place, Collection[str]], advice: str
) -> list[str]:
    """Which columns of the table stand, outside of aggregate functions, where its rule does not let them."""
    misplaced = {
        (use.column, use.place)
        for use in select.uses
        if use.read.table == table.name and not use.aggregated and use.column not in columns.get(use.place, ())
    }
    return [
        f"{table.title} does not allow its column '{column}' in {place.value}. {advice}"
        for column, place in sorted(misplaced)
    ]


def folded(columns: Iterable[str]) -> frozenset[str]:
    """Names as the query's facts have them."""
    return frozenset(column.lower() for column in columns)
