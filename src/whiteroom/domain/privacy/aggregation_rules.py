"""AGGREGATION rules: statistics along dimensions, of groups that are large enough.

Sources: AnalysisRuleAggregation of the `cleanrooms` model (2022-02-17); docs/sources.md, analysis-rules-aggregation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from whiteroom.domain.privacy.query_facts import Argument, Minimum, Place, QueryFacts, SelectFacts
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.privacy.structured_queries import (
    folded,
    join_refusals,
    overlap_refusals,
    place_refusals,
    shape_refusals,
)

FIELDS = frozenset(
    {
        "aggregateColumns",
        "joinColumns",
        "joinRequired",
        "allowedJoinOperators",
        "dimensionColumns",
        "scalarFunctions",
        "outputConstraints",
        "additionalAnalyses",
    }
)
"""The fields that are enforced; a rule with another one is refused."""

_CLAUSES = ("WHERE", "GROUP BY", "HAVING", "ORDER BY")


def aggregation_refusals(facts: QueryFacts, table: QueryTable, querier_tables: Collection[str]) -> list[str]:
    """Why a table's AGGREGATION rule does not let a query be; nothing where it does."""
    policy = table.rule or {}
    refusals = shape_refusals(facts, table, _CLAUSES)
    refusals += _unenforceable(table, policy)
    if refusals:
        return refusals
    for select in facts.selects:
        refusals += join_refusals(select, table, policy)
        if policy.get("joinRequired"):
            refusals += overlap_refusals(select, table, querier_tables, join_needed=False)
        refusals += _column_refusals(select, table, policy)
        refusals += _aggregate_refusals(select, table, policy)
        refusals += _function_refusals(select, table, policy)
    return refusals


def aggregation_minimums(facts: QueryFacts, table: QueryTable) -> Iterator[Minimum]:
    """The output constraints, once for each time that the table is read.

    A table that is joined with itself could otherwise lend one row of it the size of another's group.
    """
    for index, select in enumerate(facts.selects):
        for read in select.reads:
            if read.table == table.name:
                for constraint in (table.rule or {})["outputConstraints"]:
                    yield Minimum(index, read, constraint["columnName"].lower(), constraint["minimum"])


def _unenforceable(table: QueryTable, policy: Mapping[str, Any]) -> list[str]:
    refusals = []
    constraints = policy.get("outputConstraints") or ()
    if not constraints:
        refusals.append(f"{table.title} has no outputConstraints in its AGGREGATION rule. Its owner must set them.")
    for constraint in constraints:
        if constraint["type"] != "COUNT_DISTINCT":
            refusals.append(
                f"{table.title} has an output constraint of type {constraint['type']}, which is not enforced here."
            )
        if constraint["columnName"].lower() not in table.readable_columns:
            refusals.append(
                f"{table.title} has an output constraint on '{constraint['columnName']}', which is not one of its "
                "allowed columns any more. Its owner must correct the rule (UpdateConfiguredTableAnalysisRule)."
            )
    return refusals


def _column_refusals(select: SelectFacts, table: QueryTable, policy: Mapping[str, Any]) -> list[str]:
    dimensions = folded(policy["dimensionColumns"])
    places = dict.fromkeys((Place.OUTPUT, Place.FILTER, Place.GROUP, Place.HAVING, Place.ORDER), dimensions)
    places[Place.JOIN] = folded(policy["joinColumns"])
    return place_refusals(
        select,
        table,
        places,
        "Use dimensionColumns of its rule outside of aggregate functions, and its joinColumns in JOIN.",
    )


def _aggregate_refusals(select: SelectFacts, table: QueryTable, policy: Mapping[str, Any]) -> list[str]:
    allowed = {
        (group["function"], column.lower()) for group in policy["aggregateColumns"] for column in group["columnNames"]
    }
    refusals = []
    if not any(aggregate.place is Place.OUTPUT for aggregate in select.aggregates):
        refusals.append(
            f"{table.title} has a rule of type AGGREGATION: the query must output at least one aggregate function."
        )
    for aggregate in select.aggregates:
        if aggregate.filtered:
            refusals.append(f"{table.title} takes no FILTER after an aggregate function. Filter with WHERE.")
        if aggregate.argument is not Argument.COLUMN or aggregate.use is None:
            refusals.append(
                f"{table.title} takes aggregate functions of one column as it stands; {aggregate.function} is applied "
                f"to {aggregate.argument.value}."
            )
        elif aggregate.use.read.table == table.name and (aggregate.function, aggregate.use.column) not in allowed:
            refusals.append(
                f"{table.title} does not allow {aggregate.function} of its column '{aggregate.use.column}'. "
                "Use the functions and columns of its aggregateColumns."
            )
    return list(dict.fromkeys(refusals))


def _function_refusals(select: SelectFacts, table: QueryTable, policy: Mapping[str, Any]) -> list[str]:
    allowed = sorted(policy["scalarFunctions"])
    return [
        f"{table.title} does not allow the function {name}; its scalarFunctions are: {', '.join(allowed) or 'none'}."
        for name in sorted(select.functions - set(allowed))
    ]
