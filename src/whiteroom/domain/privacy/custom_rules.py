"""CUSTOM rules: which columns may be shown, which may be compared, and how large a group must be.

Sources: AnalysisRuleCustom, AggregationThreshold and ComparisonControls of the `cleanrooms` model (2022-02-17);
docs/sources.md, disallowed-columns, custom-min-agg-thresholds, custom-comparison-controls, custom-sql-capabilities.
Where those are looser than what can be proven here, docs/privacy.md says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from whiteroom.domain.privacy.query_facts import Argument, Minimum, Origin, Output, Place, QueryFacts, Read, SelectFacts
from whiteroom.domain.privacy.query_tables import QueryTable

FIELDS = frozenset(
    {
        "allowedAnalyses",
        "allowedAnalysisProviders",
        "additionalAnalyses",
        "allowedResultReceivers",
        "allowedAdditionalAnalyses",
        "disallowedOutputColumns",
        "aggregationThresholds",
        "comparisonControls",
        "differentialPrivacy",
    }
)
"""The fields that are enforced; differentialPrivacy in domain/privacy/user_level.py."""

_GROUP_FUNCTIONS = frozenset(
    [
        "AVG",
        "COUNT",
        "COUNT_DISTINCT",
        "APPROX_COUNT_DISTINCT",
        "SUM",
        "SUM_DISTINCT",
        "STDDEV",
        "STDDEV_SAMP",
        "STDDEV_POP",
        "VARIANCE",
        "VAR_SAMP",
        "VAR_POP",
        "SKEWNESS",
    ]
)
"""Aggregates whose value is made of all rows of a group."""
_ROW_FUNCTIONS = frozenset(["MIN", "MAX", "PERCENTILE", "APPROX_PERCENTILE", "MEDIAN"])
"""Aggregates whose value may be one row's own: only beside one of `_QUALIFYING` (custom-sql-capabilities)."""
_QUALIFYING = frozenset(["AVG", "COUNT", "COUNT_DISTINCT", "SUM", "SUM_DISTINCT"])
_JOIN_KINDS = frozenset(["INNER", "LEFT", "RIGHT", "FULL", "CROSS"])


def custom_refusals(facts: QueryFacts, table: QueryTable) -> list[str]:
    """Why a table's CUSTOM rule does not let a query be; nothing where it does."""
    rule = table.rule or {}
    hidden = {column.lower() for column in rule.get("disallowedOutputColumns") or ()}
    refusals = [
        f"{table.title} does not let its column '{column}' into the output, not even as a part of an expression. "
        "Leave it out; it may stand in WHERE and JOIN."
        for column in sorted(_of(table, facts.shown) & hidden)
    ]
    refusals += _comparison_refusals(facts, table, rule.get("comparisonControls"))
    for threshold in rule.get("aggregationThresholds") or ():
        refusals += _threshold_refusals(facts, table, threshold)
    return refusals


def custom_minimums(facts: QueryFacts, table: QueryTable) -> Iterator[Minimum]:
    """The aggregation thresholds, once for each time that the table is read."""
    for threshold in (table.rule or {}).get("aggregationThresholds") or ():
        for index, select in enumerate(facts.selects):
            for read in select.reads:
                count = _required_count(select, read, threshold)
                if read.table == table.name and count:
                    for column in threshold["identityColumns"]:
                        yield Minimum(index, read, column.lower(), count)


def _of(table: QueryTable, origins: frozenset[Origin]) -> set[str]:
    return {origin.column for origin in origins if origin.table == table.name}


def _comparison_refusals(facts: QueryFacts, table: QueryTable, controls: Mapping[str, Any] | None) -> list[str]:
    if not controls:
        return []
    refusals = []
    hidden = {column.lower() for column in (table.rule or {}).get("disallowedOutputColumns") or ()}
    for field, met, revealed, what in (
        ("allowedLiteralComparisonColumns", facts.met_by_literals, facts.worked_out, "a literal"),
        ("allowedColumnComparisonColumns", facts.met_by_columns, facts.counted_apart, "a column"),
    ):
        allowed = {column.lower() for column in controls.get(field) or ()}
        refusals += [
            f"{table.title} does not allow its column '{column}', which may not be shown, to be counted, summed up or "
            f"sorted by a function of it: it is not among {field} of its rule."
            for column in sorted((_of(table, revealed) & hidden) - allowed - _of(table, met))
        ]
        refusals += [
            f"{table.title} does not allow its column '{column}' to be put together with {what} by an operator or a "
            f"function: it is not among {field} of its rule."
            for column in sorted(_of(table, met) - allowed)
        ]
    return refusals


def _threshold_refusals(facts: QueryFacts, table: QueryTable, threshold: Mapping[str, Any]) -> list[str]:
    refusals = []
    identities = {column.lower() for column in threshold["identityColumns"]}
    if threshold["type"] != "COUNT_DISTINCT":
        refusals.append(f"{table.title} has a threshold of type {threshold['type']}, which is not enforced here.")
    refusals += [
        f"{table.title} counts its column '{column}' for a threshold, which is not one of its allowed columns any "
        "more. Its owner must correct the rule (UpdateConfiguredTableAnalysisRule)."
        for column in sorted(identities - table.readable_columns)
    ]
    refusals += [
        f"{table.title} does not allow its identity column '{column}' to be compared with a literal."
        for column in sorted(_of(table, facts.met_by_literals) & identities)
    ]
    if facts.offset:
        refusals.append(f"{table.title} shows groups above a minimum only: the query takes no OFFSET; use LIMIT.")
    for select in facts.selects:
        if any(read.table == table.name for read in select.reads):
            reasons = [*_group_refusals(select), *_aggregate_refusals(select, threshold)]
            reasons += _outer_refusals(select, [read for read in select.reads if read.table == table.name])
            refusals += [f"{table.title} shows groups above a minimum only: {reason}" for reason in reasons]
    return list(dict.fromkeys(refusals))


def _group_refusals(select: SelectFacts) -> Iterator[str]:
    """What would show rows or parts of groups.

    A SELECT that passes gives nothing but groups that are large enough, so that other SELECTs may do
    with its result what they like.
    """
    if "GROUP BY" not in select.clauses and not select.aggregates:
        yield "each SELECT that reads it must aggregate, with GROUP BY or without."
    for clause in sorted(select.clauses & {"GROUPING SETS", "QUALIFY"}):
        yield f"a SELECT that reads it takes no {clause}."
    for join in select.joins:
        if join.kind not in _JOIN_KINDS:
            yield f"a SELECT that reads it takes no {join.kind} JOIN."
    if "EXPLODE" in select.functions:
        yield "put LATERAL VIEW and generators such as explode around the SELECT that reads it, not into it."
    if select.windows:
        yield "put window functions around the SELECT that reads it, not into it."
    if select.subqueries:
        yield "a SELECT that reads it takes no sub-query in its expressions; join instead."
    if select.correlated:
        yield "a sub-query that reads it may not refer to the query around it; join instead."


def _outer_refusals(select: SelectFacts, reads: Sequence[Read]) -> Iterator[str]:
    """What would show by other tables' rows who is not among its own.

    An outer join keeps a row of another table that matches none of its rows, with NULL for its columns. Grouped or
    filtered by these, such a row lands in a group of others, whose size says nothing of whom it does not match.
    """
    for read in reads:
        if not _may_be_null(select, read):
            continue
        if len(select.joins) > 1:
            yield "an outer join that keeps rows without one of its own stands alone; use INNER JOIN beside it."
        if any(use.read == read and use.place in {Place.GROUP, Place.FILTER} for use in select.uses):
            yield (
                "where an outer join keeps rows without one of its own, group and filter by columns of the other "
                "table, or use INNER JOIN."
            )


def _may_be_null(select: SelectFacts, read: Read) -> bool:
    """Whether an outer join gives rows in which the table's columns are all NULL."""
    place = next((number for number, join in enumerate(select.joins) if join.alias == read.alias), -1)
    own = place >= 0 and select.joins[place].kind in {"LEFT", "FULL"}
    return own or any(join.kind in {"RIGHT", "FULL"} for join in select.joins[place + 1 :])


def _aggregate_refusals(select: SelectFacts, threshold: Mapping[str, Any]) -> Iterator[str]:
    functions = {aggregate.function for aggregate in select.aggregates}
    for name in sorted(functions - _GROUP_FUNCTIONS - _ROW_FUNCTIONS):
        yield f"the aggregate function {name} is not allowed."
    if functions & _ROW_FUNCTIONS and not functions & _QUALIFYING:
        yield f"{', '.join(sorted(functions & _ROW_FUNCTIONS))} must stand beside AVG, COUNT or SUM."
    if any(aggregate.filtered for aggregate in select.aggregates):
        yield "an aggregate function takes no FILTER; filter with WHERE."
    if threshold.get("allowedAggregateExpressionType") != "ANY_EXPRESSION":
        for aggregate in select.aggregates:
            if aggregate.argument is Argument.EXPRESSION:
                yield f"aggregate functions take one column as it stands, and {aggregate.function} has an expression."


def _required_count(select: SelectFacts, read: Read, threshold: Mapping[str, Any]) -> int:
    """The strictest count of all output columns and group keys: one without an override has the table's own."""
    own: int = threshold["minimumIdentityCount"]
    overrides = {
        override["outputColumnName"].lower(): override["minimumIdentityCount"]
        for override in threshold.get("outputColumnThresholds") or ()
    }
    keys = [Output((use,), plain=True) for use in select.uses if use.place is Place.GROUP and use.read == read]
    counts = [
        max((overrides.get(use.column, own) for use in output.uses if use.read == read), default=own)
        for output in [*select.outputs, *keys]
    ]
    return max(counts, default=own)
