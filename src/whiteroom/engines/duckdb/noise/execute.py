"""Runs a query over protected tables: only numbers with noise leave.

1. The rows of users, as the query takes them (sql/noise/plan.py), every value in its one form
   (engines/duckdb/noise/one_form.py); those without a user are dropped.
2. How many rows of a user are kept: learned with noise. Of a user with more, that many at random.
3. How large a value may be: learned with noise, for each expression; larger ones are cut to it.
4. Which groups may be shown: those with enough users, by noisy numbers.
5. Each aggregate of each of those groups: whole numbers, with noise; values in steps of their bound / 2**20.
6. The final SELECT, over that.

Nothing of it depends on the order of rows, on threads or on the plan: groups are numbered by their keys, and which rows
are kept of a user is a function of the rows and of a seed. What each step costs, and that one user changes its numbers
by no more than is said to `with_noise`: decision 0018.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from whiteroom.domain.privacy.differential_privacy import Aggregation, needs_limit
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.engines.duckdb.column_types import to_duckdb
from whiteroom.engines.duckdb.files.quoting import sql_name
from whiteroom.engines.duckdb.noise.mechanisms import Chance, OpenDp, chosen_bucket
from whiteroom.engines.duckdb.noise.one_form import one_form, require_one_form
from whiteroom.engines.duckdb.noise.texts import NoisyText
from whiteroom.engines.duckdb.optimizers import PRIVATE, without
from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.sql.noise.plan import GROUPS, KEY, USER, NoisyAggregate, aggregate_column, key_name
from whiteroom.sql.reserved import RESERVED
from whiteroom.sql.resolving import visible_columns

MOST_ROWS_LOG2 = 20
"""No more than 2**20 rows of a user are ever kept."""
ROWS_SHARE = 0.95
"""The share of users, about, of whom all rows are kept."""
SMALLEST_LOG2, LARGEST_LOG2 = -20, 60
"""Bounds of values are powers of two between these."""
VALUES_SHARE = 0.99
"""The share of users, about, none of whose values is cut."""
STEPS = 2**20
"""Into which a bound is divided: noise is many times the bound itself, so that no finer step would be seen."""

_ROWS, _KEPT, _TOTALS, _NUMBERS = (sql_name(f"{RESERVED}{name}") for name in ("rows", "kept", "totals", "numbers"))
_GROUP = sql_name(f"{RESERVED}group")
_USER, _GROUPS = sql_name(USER), sql_name(GROUPS)
_TWIN = sql_name(f"{RESERVED}twin")
_USERS = sql_name(f"{RESERVED}users")


@dataclass(frozen=True, slots=True)
class _Total:
    """One exact number of each group, before its noise."""

    sql: str
    change: int
    """By how much one user can change it in all groups together."""


@dataclass(frozen=True, slots=True)
class _Learned:
    """What was learned about the rows, with noise."""

    rows_per_user: int
    bounds: dict[str, float]
    """By the column of the value."""


def rehearse(views: Mapping[str, QueryTable], noisy: NoisyText) -> list[str]:
    """Plan the query over empty tables: what is wrong with it, whatever the rows are, is known before one is read.

    Returns:
        The types of the groups' keys.

    Raises:
        duckdb.Error: it cannot be run, on any rows.
        Refused: a key of its groups has a type of which equal values may look different.
    """
    with duckdb.connect(":memory:") as empty:
        for setting in (without(PRIVATE), "SET threads = 1", "SET enable_external_access = false"):
            empty.execute(setting)
        prepare(empty, noisy.rows, noisy.answer, private=True)
        for view, table in views.items():
            columns = [f"{sql_name(name.lower())} {to_duckdb(kind)}" for name, kind in visible_columns(table)]
            empty.execute(f"CREATE TABLE {sql_name(view)} ({', '.join(columns)})")
        empty.execute(f"EXPLAIN {noisy.rows}")
        types = {name: kind for name, kind, *_ in empty.execute(f"DESCRIBE {noisy.rows}").fetchall()}
        keys = [types[key_name(index)] for index in range(noisy.plan.keys)]
        require_one_form(keys)
        make_groups(empty, noisy, keys)
        empty.execute(f"EXPLAIN {noisy.answer}")
    return keys


def make_groups(connection: duckdb.DuckDBPyConnection, noisy: NoisyText, key_types: Sequence[str]) -> None:
    """The table of noisy groups, with none in it yet."""
    keys = [f"{sql_name(key_name(index))} {kind}" for index, kind in enumerate(key_types)]
    columns = [*keys, *(f"{_column(index)} {_type(item)}" for index, item in enumerate(noisy.plan.aggregates))]
    connection.execute(f"CREATE TEMP TABLE {_GROUPS} ({', '.join(columns)})")


def fill(
    connection: duckdb.DuckDBPyConnection,
    noisy: NoisyText,
    key_types: Sequence[str],
    chance: Chance | None = None,
) -> tuple[dict[str, Any], ...]:
    """Put the noisy groups into their table.

    Args:
        connection: has the views that the query reads.
        noisy: the query.
        key_types: of its groups (`rehearse`).
        chance: noise that is known, for a test; else that of OpenDP.

    Returns:
        DifferentialPrivacySensitivityParameters, of each aggregate; they were learned with noise, and may be shown.
    """
    chance = chance or OpenDp()
    make_groups(connection, noisy, key_types)
    _take_rows(connection, noisy)
    learned = _learn(connection, noisy, chance)
    totals = [total for aggregate in noisy.plan.aggregates for total in _totals(aggregate, noisy, learned)]
    _count(connection, noisy, totals)
    shown = _shown(connection, noisy, learned, chance)
    numbers = [
        chance.with_noise(exact, total.change, noisy.plan.policy.users_noise_per_query)
        for total, exact in zip(totals, _exact(connection, shown, len(totals)), strict=True)
    ]
    _answer(connection, noisy, shown, _results(noisy.plan.aggregates, numbers, learned))
    return tuple(_parameters(aggregate, learned) for aggregate in noisy.plan.aggregates)


def _take_rows(connection: duckdb.DuckDBPyConnection, noisy: NoisyText) -> None:
    columns = [
        f"{one_form(sql_name(name), kind, text=name.startswith(KEY))} AS {sql_name(name)}"
        for name, kind, *_ in connection.execute(f"DESCRIBE {noisy.rows}").fetchall()
    ]
    connection.execute(
        f"CREATE TEMP TABLE {_ROWS} AS SELECT {', '.join(columns)} FROM ({noisy.rows}) WHERE {_USER} IS NOT NULL"  # noqa: S608 -- the guard's SQL
    )


def _keep(connection: duckdb.DuckDBPyConnection, limit: int, seed: int) -> None:
    """Of each user so many rows, at random whatever they hold.

    What a user has says nothing of which rows of another are kept; nor does where a row is: rows that are the same in
    all are numbered, and each is as likely as the next.
    """
    columns = ", ".join(sql_name(name) for name, *_ in connection.execute(f"DESCRIBE {_ROWS}").fetchall())
    connection.execute(
        f"CREATE TEMP TABLE {_KEPT} AS SELECT * EXCLUDE ({_TWIN}) FROM "  # noqa: S608 -- quoted
        f"(SELECT *, row_number() OVER (PARTITION BY {columns}) AS {_TWIN} FROM {_ROWS} WHERE {_USER} IN "
        f"(SELECT {_USER} FROM {_ROWS} GROUP BY {_USER} HAVING count(*) > {limit})) "
        f"QUALIFY row_number() OVER (PARTITION BY {_USER} ORDER BY hash(hash({seed}, {columns}, {_TWIN}))) <= {limit} "
        f"UNION ALL SELECT * FROM {_ROWS} WHERE {_USER} IN "
        f"(SELECT {_USER} FROM {_ROWS} GROUP BY {_USER} HAVING count(*) <= {limit})"
    )


def _learn(connection: duckdb.DuckDBPyConnection, noisy: NoisyText, chance: Chance) -> _Learned:
    noise, limit = noisy.plan.policy.users_noise_per_query, 1
    if needs_limit(noisy.plan.releases, grouped=noisy.plan.grouped):
        buckets = _histogram(
            connection,
            f"SELECT least(ceil(log2(count(*))), {MOST_ROWS_LOG2}) AS bucket FROM {_ROWS} GROUP BY {_USER}",  # noqa: S608 -- quoted
            MOST_ROWS_LOG2 + 1,
        )
        limit = 2 ** (chosen_bucket(buckets, noise, ROWS_SHARE, chance) or 0)
        _keep(connection, limit, chance.seed())
    else:
        connection.execute(f"ALTER TABLE {_ROWS} RENAME TO {_KEPT}")
    bounds: dict[str, float] = {}
    for aggregate in noisy.plan.aggregates:
        if aggregate.release.bounded is not None and aggregate.value is not None and aggregate.value not in bounds:
            bounds[aggregate.value] = _bound(connection, aggregate.value, noise, chance)
    return _Learned(limit, bounds)


def _bound(connection: duckdb.DuckDBPyConnection, value: str, noise: int, chance: Chance) -> float:
    """The power of two that next to no user's value exceeds, in either direction."""
    column, last = sql_name(value), LARGEST_LOG2 - SMALLEST_LOG2
    largest = (
        f"SELECT max(abs({column})) AS largest FROM {_KEPT} "  # noqa: S608 -- quoted
        f"WHERE {column} IS NOT NULL AND NOT isnan({column}) GROUP BY {_USER}"
    )
    bucket = (
        f"CASE WHEN largest <= {2.0**SMALLEST_LOG2!r} THEN 0 WHEN largest >= {2.0**LARGEST_LOG2!r} THEN {last} "
        f"ELSE ceil(log2(largest)) - {SMALLEST_LOG2} END"
    )
    buckets = _histogram(connection, f"SELECT {bucket} AS bucket FROM ({largest})", last + 1)  # noqa: S608 -- quoted
    chosen = chosen_bucket(buckets, noise, VALUES_SHARE, chance)
    # Where too few users have values to learn from, 1 is as good as any, and keeps the noise small.
    return 2.0 ** (chosen + SMALLEST_LOG2) if chosen is not None else 1.0


def _histogram(connection: duckdb.DuckDBPyConnection, sql: str, size: int) -> list[int]:
    counts = [0] * size
    counted = connection.execute(f"SELECT CAST(bucket AS INT), count(*) FROM ({sql}) GROUP BY ALL")  # noqa: S608 -- made here
    for bucket, count in counted.fetchall():
        counts[bucket] = count
    return counts


def _totals(aggregate: NoisyAggregate, noisy: NoisyText, learned: _Learned) -> list[_Total]:
    """The numbers that an aggregate is made of, as many as its units (differential_privacy.UNITS)."""
    limit, value = learned.rows_per_user, sql_name(aggregate.value or "")
    if aggregate.release.of_users:
        return [_Total(f"count(DISTINCT {_USER}) FILTER ({value})", limit if noisy.plan.grouped else 1)]
    if aggregate.release.aggregation is Aggregation.COUNT_DISTINCT:
        return [_Total(f"count(DISTINCT {value})", limit)]
    if aggregate.release.aggregation is Aggregation.COUNT:
        return [_Total("count(*)" if aggregate.value is None else f"count(*) FILTER ({value})", limit)]
    bound = learned.bounds[aggregate.value or ""]
    part = f"greatest(-1.0::DOUBLE, least(1.0::DOUBLE, {value} / {bound!r}::DOUBLE))"
    there = f"FILTER ({value} IS NOT NULL AND NOT isnan({value}))"
    total = _Total(f"coalesce(sum(CAST(round({part} * {STEPS}) AS BIGINT)) {there}, 0)", limit * STEPS)
    count = _Total(f"count(*) {there}", limit)
    squares = _Total(f"coalesce(sum(CAST(round({part} * {part} * {STEPS}) AS BIGINT)) {there}, 0)", limit * STEPS)
    return {
        Aggregation.SUM: [total],
        Aggregation.AVG: [total, count],
        Aggregation.STDDEV: [total, count, squares],
    }[aggregate.release.aggregation]


def _count(connection: duckdb.DuckDBPyConnection, noisy: NoisyText, totals: Sequence[_Total]) -> None:
    """Put the exact numbers of every group where only this module reads them."""
    keys = [sql_name(key_name(index)) for index in range(noisy.plan.keys)]
    counted = [f"{total.sql} AS {_total_name(index)}" for index, total in enumerate(totals)]
    columns = ", ".join([*keys, f"count(DISTINCT {_USER}) AS {_USERS}", *counted])
    grouped = f"GROUP BY {', '.join(keys)}" if keys else ""
    # By their keys: the order in which groups are found reveals rows.
    order = f"ORDER BY {', '.join(keys)}" if keys else ""
    connection.execute(
        f"CREATE TEMP TABLE {_TOTALS} AS SELECT row_number() OVER ({order}) AS {_GROUP}, * "  # noqa: S608 -- quoted
        f"FROM (SELECT {columns} FROM {_KEPT} {grouped})"
    )


def _shown(connection: duckdb.DuckDBPyConnection, noisy: NoisyText, learned: _Learned, chance: Chance) -> list[int]:
    counted = connection.execute(f"SELECT {_GROUP}, {_USERS} FROM {_TOTALS} ORDER BY {_GROUP}").fetchall()  # noqa: S608 -- quoted
    if not noisy.plan.grouped:
        return [group for group, _ in counted]
    return chance.shown_groups(dict(counted), learned.rows_per_user, noisy.plan.policy.users_noise_per_query)


def _exact(connection: duckdb.DuckDBPyConnection, shown: Sequence[int], totals: int) -> list[list[int]]:
    """For each total, its numbers in the groups that are shown."""
    columns = ", ".join([_GROUP, *(_total_name(index) for index in range(totals))])
    rows = connection.execute(
        f"SELECT {columns} FROM {_TOTALS} WHERE {_GROUP} IN (SELECT unnest(?::BIGINT[])) ORDER BY {_GROUP}",  # noqa: S608 -- quoted
        [list(shown)],
    ).fetchall()
    return [[int(row[index + 1]) for row in rows] for index in range(totals)]


def _results(
    aggregates: Iterable[NoisyAggregate], numbers: Sequence[Sequence[int]], learned: _Learned
) -> list[list[float]]:
    """Each aggregate of each group, from its noisy numbers alone."""
    pending = iter(numbers)
    found: list[list[float]] = []
    for aggregate in aggregates:
        bound = learned.bounds.get(aggregate.value or "", 1.0)
        match aggregate.release.aggregation:
            case Aggregation.SUM:
                sums: list[float] = [total * bound / STEPS for total in next(pending)]
                found.append([_whole(total) for total in sums] if aggregate.whole else sums)
            case Aggregation.AVG:
                found.append([_average(*pair, bound) for pair in zip(next(pending), next(pending), strict=True)])
            case Aggregation.STDDEV:
                triples = zip(next(pending), next(pending), next(pending), strict=True)
                found.append([_deviation(*triple, bound, sample=aggregate.sample) for triple in triples])
            case _:
                found.append([max(0, count) for count in next(pending)])
    return found


def _whole(total: float) -> int:
    """A BIGINT: noise may lead out of them where values are as large."""
    return max(-(2**63), min(2**63 - 1, round(total)))


def _average(total: int, count: int, bound: float) -> float:
    return max(-bound, min(bound, total * bound / STEPS / max(count, 1)))


def _deviation(total: int, count: int, squares: int, bound: float, *, sample: bool) -> float:
    mean = _average(total, count, bound)
    square = max(0.0, min(bound**2, squares * bound**2 / STEPS / max(count, 1)))
    correction = count / (count - 1) if sample and count > 1 else 1.0
    return math.sqrt(max(0.0, square - mean**2) * correction)


def _answer(
    connection: duckdb.DuckDBPyConnection,
    noisy: NoisyText,
    shown: Sequence[int],
    results: Sequence[Sequence[float]],
) -> None:
    keys = [sql_name(key_name(index)) for index in range(noisy.plan.keys)]
    columns = [f"unnest(?::BIGINT[]) AS {_GROUP}"]
    columns += [f"unnest(?::{_type(item)}[]) AS {_column(index)}" for index, item in enumerate(noisy.plan.aggregates)]
    connection.execute(
        f"CREATE TEMP TABLE {_NUMBERS} AS SELECT {', '.join(columns)}",
        [sorted(shown), *map(list, results)],
    )
    named = ", ".join([*keys, *(_column(index) for index in range(len(noisy.plan.aggregates)))])
    connection.execute(
        f"INSERT INTO {_GROUPS} SELECT {named} FROM {_TOTALS} JOIN {_NUMBERS} USING ({_GROUP}) ORDER BY {_GROUP}"  # noqa: S608 -- quoted
    )


def _parameters(aggregate: NoisyAggregate, learned: _Learned) -> dict[str, Any]:
    parameters: dict[str, Any] = {
        "aggregationType": aggregate.release.aggregation.value,
        "aggregationExpression": aggregate.expression,
        "userContributionLimit": learned.rows_per_user,
    }
    if aggregate.release.bounded is not None and aggregate.value is not None:
        bound = learned.bounds[aggregate.value]
        parameters |= {"minColumnValue": -bound, "maxColumnValue": bound}
    return parameters


def _type(aggregate: NoisyAggregate) -> str:
    return "BIGINT" if aggregate.whole else "DOUBLE"


def _column(index: int) -> str:
    return sql_name(aggregate_column(index))


def _total_name(index: int) -> str:
    return sql_name(f"{RESERVED}total{index}")
