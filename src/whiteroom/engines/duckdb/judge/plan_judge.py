"""The second judge: whether DuckDB finds in a text exactly what the guard found in its tree.

It is asked on the query's own connection, before the tables' files can be read: in the place of every view stands an
empty table with its columns. What DuckDB makes of the text over those (bound_plan.py) is what it will run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import duckdb

from whiteroom.domain.privacy.query_facts import Origin, QueryFacts
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.engines.duckdb.column_types import to_duckdb
from whiteroom.engines.duckdb.files.quoting import sql_name
from whiteroom.engines.duckdb.judge.bound_plan import Made, NotUnderstood, PlanFacts, read_plan
from whiteroom.engines.duckdb.noise.texts import NoisyText
from whiteroom.engines.duckdb.ordering import ROW_KEY
from whiteroom.engines.duckdb.tables import read_columns
from whiteroom.sql.noise.plan import GROUPS, aggregate_column, key_name, value_name
from whiteroom.sql.resolving import visible_columns

_Tables = Mapping[str, Mapping[str, Made]]


class Disagreement(Exception):
    """DuckDB would run something else than the guard judged. The message is the operator's: it names columns."""

    public_message = (
        "The query is refused: the engine reads something else in it than was judged. No row was read, and the "
        "server's operator has been told. Write it in another way: give every column a name of its own, and say which "
        "table it is of."
    )
    """What the member reads."""


@contextmanager
def stand_ins(
    connection: duckdb.DuckDBPyConnection, views: Mapping[str, QueryTable], columns: Mapping[str, frozenset[str]]
) -> Iterator[None]:
    """Empty tables in the place of the views, with the columns that these will have."""
    for view, table in views.items():
        there = [f"{sql_name(name.lower())} {to_duckdb(kind)}" for name, kind in read_columns(table, columns[view])]
        there.append(f"{sql_name(ROW_KEY)} BIGINT")
        connection.execute(f"CREATE TEMP TABLE {sql_name(view)} ({', '.join(there)})")
    try:
        yield
    finally:
        for view in views:
            connection.execute(f"DROP TABLE temp.{sql_name(view)}")


def judge_text(
    connection: duckdb.DuckDBPyConnection, sql: str, views: Mapping[str, QueryTable], facts: QueryFacts
) -> None:
    """Whether a text over stand-ins does what the guard found.

    Raises:
        Disagreement: it does not.
        duckdb.Error: it cannot be run on any rows.
    """
    plan = _plan(connection, sql, _base(views))
    _compare(plan, plan.shown - facts.shown, facts)


def judge_noisy(
    connection: duckdb.DuckDBPyConnection,
    noisy: NoisyText,
    answer: str,
    views: Mapping[str, QueryTable],
    facts: QueryFacts,
) -> None:
    """The same for the two texts of a query over protected tables; the table of noisy groups is there already.

    Args:
        connection: where they stand.
        noisy: the query taken apart.
        answer: the text that reads the noisy groups.
        views: what the rows are read from.
        facts: of the whole query.

    Raises:
        Disagreement: they do something else.
        duckdb.Error: they cannot be run on any rows.
    """
    # What windows sort by, so that no row's place reveals others, is in their values wherever these go.
    facts = replace(
        facts,
        shown=facts.shown | facts.ordered_by,
        filtered_by=facts.filtered_by | facts.ordered_by,
        grouped_by=facts.grouped_by | facts.ordered_by,
        # Whatever is read may break a tie, so that nothing turns on the order of rows (noise/execute.py).
        ordered_by=facts.ordered_by | {Origin(table, name) for table, names in facts.columns.items() for name in names},
    )
    rows = _plan(connection, noisy.rows, _base(views))
    read = facts.shown | facts.filtered_by | facts.grouped_by | facts.ordered_by
    user, made = rows.outputs[0], rows.outputs[1:]
    identifiers = frozenset(
        Origin(table.name, table.identifier) for table in views.values() if table.identifier is not None
    )
    _compare(rows, frozenset[Origin]().union(*(value.columns for value in made)) - read, facts)
    if not user.plain or not user.columns or not user.columns <= identifiers:
        raise Disagreement(f"the user of a row is made of {_names(user.columns) or 'nothing'}")
    groups = {key_name(index): value for index, value in enumerate(made[: noisy.plan.keys])}
    values = {value_name(index): value for index, value in enumerate(made[noisy.plan.keys :])}
    for index, aggregate in enumerate(noisy.plan.aggregates):
        groups[aggregate_column(index)] = values[aggregate.value] if aggregate.value is not None else Made()
    plan = _plan(connection, answer, {GROUPS: groups})
    if plan.tables != {GROUPS}:
        raise Disagreement("the answer reads something else than noisy groups")
    # Its conditions are those of HAVING, its groups those of DISTINCT.
    _compare(plan, plan.shown - facts.shown, facts)


def _base(views: Mapping[str, QueryTable]) -> _Tables:
    return {
        view: {
            name: Made(frozenset({Origin(table.name, name)}), plain=True)
            for name in [*(name.lower() for name, _ in visible_columns(table)), ROW_KEY]
        }
        for view, table in views.items()
    }


def _plan(connection: duckdb.DuckDBPyConnection, sql: str, tables: _Tables) -> PlanFacts:
    try:
        return read_plan(connection, sql, tables)
    except NotUnderstood as found:
        raise Disagreement(f"DuckDB's plan has {found}") from None


def _compare(plan: PlanFacts, shown: frozenset[Origin], facts: QueryFacts) -> None:
    ordered = frozenset(origin for origin in plan.orders if origin.column != ROW_KEY)
    for found, what in (
        (shown, "the output"),
        (plan.conditions - facts.filtered_by, "a condition"),
        (plan.groups - facts.grouped_by, "a group"),
        (ordered - facts.ordered_by - facts.shown, "the order"),
    ):
        if found:
            raise Disagreement(f"{_names(found)} in {what}")


def _names(origins: Iterable[Origin]) -> str:
    return ", ".join(f"{origin.table}.{origin.column}" for origin in sorted(origins))
