"""What a query over tables with differential privacy may be: aggregates over rows of which each is one user's.

A relation is user-level if each of its rows carries an identifier, and taking a user out of the tables takes exactly
the rows with that identifier out of the relation and changes no other. That holds of a protected table, and every
SELECT must keep it, down to the final one, whose aggregates get noise. Everything else is refused with its name.
`sql/noise/analysis.py` says what each SELECT does; identifiers are followed by where they come from, not by name.

Sources: docs/sources.md, dp-sql-capabilities, analysis-rules-custom (query structure and syntax),
dp-query-tips-examples, dp-limitations. Where those are looser than what can be proven here, decision 0018 says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from whiteroom.domain.privacy.query_tables import QueryTable

_ROW_AGGREGATES = frozenset(
    [
        "ANY_VALUE",
        "AVG",
        "COUNT",
        "COUNT_DISTINCT",
        "COUNT_IF",
        "FIRST",
        "LAST",
        "LOGICAL_AND",
        "LOGICAL_OR",
        "MAX",
        "MEDIAN",
        "MIN",
        "PERCENTILE",
        "STDDEV",
        "STDDEV_POP",
        "STDDEV_SAMP",
        "SUM",
        "VARIANCE",
        "VAR_POP",
        "VAR_SAMP",
    ]
)
"""Aggregates over one user's rows; none of them can fail on a value."""
_WINDOW_FUNCTIONS = frozenset(
    [
        "COUNT",
        "COUNT_IF",
        "CUME_DIST",
        "DENSE_RANK",
        "FIRST_VALUE",
        "LAG",
        "LAST_VALUE",
        "LEAD",
        "LOGICAL_AND",
        "LOGICAL_OR",
        "MAX",
        "MIN",
        "PERCENT_RANK",
        "RANK",
        "ROW_NUMBER",
    ]
)
"""Not sums: their last bits depend on where in memory a user's rows are, and so on the rows of others."""
_NOISY_AGGREGATES = frozenset(["AVG", "COUNT", "COUNT_DISTINCT", "SUM", "STDDEV", "STDDEV_POP", "STDDEV_SAMP"])
"""Aggregates that get noise (DifferentialPrivacyAggregationType)."""
_FORBIDDEN_ANYWHERE = ("GROUPING SETS", "GROUP BY ALL")
_CUTTING = ("LIMIT", "OFFSET")
GROWING = frozenset(
    [
        "AGGREGATE",
        "ARRAY_INSERT",
        "ARRAY_REPEAT",
        "FACTORIAL",
        "FORMAT",
        "FORMAT_STRING",
        "GENERATE_SERIES",
        "LPAD",
        "PAD",
        "PRINTF",
        "REDUCE",
        "REPEAT",
        "RPAD",
        "SEQUENCE",
        "SPACE",
    ]
)
"""Functions that make of a small value a large one, by which one user could exhaust the memory."""


@dataclass(frozen=True, slots=True)
class UserSelect:
    """One SELECT that reads protected rows, from tables or through other SELECTs."""

    place: str
    """How sentences name it."""
    final: bool
    clauses: frozenset[str]
    """As in query_facts.SelectFacts."""
    unlinked: tuple[str, ...]
    """Aliases of protected relations that no equality of identifiers joins to an earlier one."""
    identified: bool
    """Whether one of its output columns is an identifier; of the final one, whether its rows have one."""
    aggregated: bool
    by_user: bool
    """Whether an identifier is among the keys of its GROUP BY."""
    aggregates: frozenset[str]
    """Names, windows apart."""
    windows: frozenset[str]
    """Names of window functions."""
    windows_across: bool
    """Whether one of them has no identifier among its PARTITION BY."""
    windows_unsafe: bool
    """Whether one of them has a frame or an offset other than plain numbers of rows, or a default."""
    windows_over_groups: bool
    """Whether it has both windows and aggregates."""
    filtered: bool
    """Whether an aggregate has FILTER."""
    hidden: bool
    """Whether a sub-query in its expressions reads protected rows."""
    subqueries_shown: bool
    """Whether there is a sub-query in its output, HAVING or ORDER BY."""
    correlated: bool
    """Whether a sub-query in its expressions refers to it."""
    nested: bool
    """Whether joins are in parentheses."""
    fallible: tuple[str, ...]
    """Operators and functions that take an aggregate, a window or a sub-query, and may fail on a value."""
    functions: frozenset[str]
    """SQL's names of its scalar functions."""
    bare: tuple[str, ...]
    """Of the final one: columns outside of its aggregates that are no keys of its groups."""
    many: tuple[str, ...]
    """Of the final one: aggregates of more than one value, such as COUNT(DISTINCT a, b)."""


@dataclass(frozen=True, slots=True)
class UserSetOperation:
    """A UNION, INTERSECT or EXCEPT that reads protected rows."""

    kind: str
    final: bool
    identified: bool
    """Whether one of its columns is an identifier on both sides."""
    clauses: frozenset[str]
    mixed: bool
    """Whether a column has values of two kinds, such as numbers and text, so that one of them is cast."""


UserFacts = tuple[UserSelect | UserSetOperation, ...]


def protected(tables: Sequence[QueryTable]) -> list[QueryTable]:
    """Those of the tables whose users differential privacy protects."""
    return [table for table in tables if table.identifier is not None]


def privacy_refusals(facts: UserFacts, tables: Sequence[QueryTable], receivers: Sequence[str]) -> list[str]:
    """Why a query that reads these protected tables may not run; nothing where it may.

    Args:
        facts: of each SELECT and set operation that reads them.
        tables: the protected tables that it reads.
        receivers: the accounts that get the result.
    """
    refusals = []
    owners = sorted({table.owner_account_id for table in tables})
    if len(owners) > 1:
        # docs/sources.md, differential-privacy: tables of one data provider only.
        refusals.append(
            f"The members {' and '.join(owners)} both protect tables by differential privacy; a query may read such "
            "tables of one member only."
        )
    for table in tables:
        if table.identifier not in table.readable_columns:
            refusals.append(
                f"{table.title} counts its users by the column '{table.identifier}', which is not one of its allowed "
                "columns any more. Its owner must correct the rule (UpdateConfiguredTableAnalysisRule)."
            )
        if table.owner_account_id in receivers:
            refusals.append(
                f"{table.title} is protected by differential privacy from those who receive results, and its owner is "
                "to receive these. Name another receiver."
            )
    for fact in facts:
        reasons = _select_reasons(fact) if isinstance(fact, UserSelect) else _set_reasons(fact)
        refusals += [f"Over tables with differential privacy, {reason}" for reason in reasons]
    return list(dict.fromkeys(refusals))


def _set_reasons(fact: UserSetOperation) -> Iterator[str]:
    if fact.final:
        yield f"the final SELECT aggregates: put the {fact.kind} into WITH, and aggregate over it."
        return
    if not fact.identified:
        yield f"both sides of {fact.kind} must be rows of users, with the identifier in the same column."
    if fact.mixed:
        yield f"the sides of {fact.kind} must have columns of the same types; cast one of them."
    for clause in _CUTTING:
        if clause in fact.clauses:
            yield f"{clause} stands in the final SELECT only, not behind {fact.kind}."


def _select_reasons(fact: UserSelect) -> Iterator[str]:
    place = fact.place
    for alias in fact.unlinked:
        yield (
            f"'{alias}' must be joined in {place} by an equality of the identifier columns (ON a.user = b.user), in "
            "its own ON."
        )
    if fact.nested:
        yield f"{place} takes no joins in parentheses; join one after the other."
    if fact.hidden:
        yield f"a sub-query that reads them stands in FROM or JOIN only, and in {place} one stands in an expression."
    if fact.correlated:
        yield f"a sub-query in {place} may not refer to the query around it; join instead."
    for clause in _FORBIDDEN_ANYWHERE:
        if clause in fact.clauses:
            yield f"{place} takes no {clause}; name its keys in GROUP BY."
    for name in sorted(fact.functions & GROWING):
        yield f"the function {name} is not allowed."
    for name in fact.fallible:
        yield (
            f"{name} in {place} is applied to an aggregate, a window function or a sub-query, where it could fail for "
            "one user alone. Compute it in a common table expression (WITH) over this one."
        )
    if fact.windows_across:
        yield f"each window function in {place} must have the identifier in its PARTITION BY."
    if fact.windows_unsafe:
        yield f"window functions in {place} take no default, and frames of ROWS and offsets of plain numbers."
    yield from _final_reasons(fact) if fact.final else _inner_reasons(fact)


def _inner_reasons(fact: UserSelect) -> Iterator[str]:
    place = fact.place
    if not fact.identified:
        yield f"{place} must have an identifier column in its output, as it stands: its rows are users' rows."
    if fact.aggregated and not fact.by_user:
        yield f"{place} must have an identifier in its GROUP BY: noise is added to the final SELECT only."
    for clause in _CUTTING:
        if clause in fact.clauses:
            yield f"{clause} stands in the final SELECT only, not in {place}."
    for name in sorted(fact.aggregates - _ROW_AGGREGATES):
        yield f"the aggregate function {name} is not allowed in {place}."
    for name in sorted(fact.windows - _WINDOW_FUNCTIONS):
        yield f"the window function {name} is not allowed in {place}. Aggregate with GROUP BY, and join."
    if fact.windows_over_groups:
        yield f"{place} has aggregates and window functions: put the windows into a SELECT around it."


def _final_reasons(fact: UserSelect) -> Iterator[str]:
    if not fact.identified:
        yield "the final SELECT must have rows of users: read the protected table in FROM, or JOIN it."
    if not fact.aggregated:
        yield "the final SELECT must aggregate: with AVG, COUNT, SUM or STDDEV, or GROUP BY."
    for name in sorted(fact.aggregates - _NOISY_AGGREGATES):
        yield f"the final SELECT takes no {name}: AVG, COUNT, COUNT DISTINCT, SUM and STDDEV get noise."
    for name in fact.many:
        yield f"{name} takes one value in the final SELECT."
    if fact.filtered:
        yield "an aggregate of the final SELECT takes no FILTER; filter with WHERE, or aggregate a CASE."
    if fact.windows:
        yield f"the final SELECT takes no window functions ({', '.join(sorted(fact.windows))}); put them into WITH."
    if "QUALIFY" in fact.clauses:
        yield "the final SELECT takes no QUALIFY; put it into WITH."
    if fact.subqueries_shown:
        yield "the final SELECT has sub-queries in its FROM, JOIN and WHERE only."
    for name in fact.bare:
        yield f"the final SELECT shows '{name}', which is neither aggregated nor a key of its GROUP BY."
