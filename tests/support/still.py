"""Private answers under noise that is known: what is left of them is a function of the rows, or it leaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import duckdb

from support.rules import CUSTOM, QUERIER, direct, table
from whiteroom.domain.privacy.differential_privacy import PrivacyPolicy
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.engines.duckdb import optimizers
from whiteroom.engines.duckdb.noise.execute import fill, rehearse
from whiteroom.engines.duckdb.spark.session import prepare
from whiteroom.engines.duckdb.tables import view_statements
from whiteroom.engines.duckdb.writing import WrittenQuery, judge_and_write

PRIVATE = {**CUSTOM, "differentialPrivacy": {"columns": [{"name": "pid"}]}}
SHOWN_FROM = 3
"""Users of a group that is shown."""


@dataclass(frozen=True)
class Still:
    """Chance that always falls the same way: noise by position, groups of three users and more."""

    salt: int = 7

    def with_noise(self, totals: Sequence[int], change: int, users_noise: int) -> list[int]:
        """Each number with a noise of its place in the list."""
        return [total + change * (index * self.salt % 5) for index, total in enumerate(totals)]

    def shown_groups(self, users: Mapping[int, int], groups_per_user: int, users_noise: int) -> list[int]:
        """By a threshold that has no noise."""
        return [group for group, count in users.items() if count >= SHOWN_FROM]

    def seed(self) -> int:
        """One of 2**63."""
        return 8_264_529_357 * self.salt


class PrivateTables:
    """Tables in files, one of them protected by the column `pid`."""

    def __init__(self, folder: Path, columns: Mapping[str, str], rows: str, mine: str = "SELECT 1 AS seq") -> None:
        """Make `pd` of DuckDB's query `rows`, and the querier's own table `mine` of another."""
        self._folder = folder
        self.columns = dict(columns)
        self._sql = {"pd": rows, "mine": mine}
        self.tables = _tables(tuple(self.columns.items()), mine)

    def answer(self, sql: str, *, threads: int = 1, order: str = "place", chance: Still | None = None) -> list[str]:
        """The rows that go out, as text that tells 0.0 from -0.0, and what is told of their noise.

        Args:
            sql: the query.
            threads: of DuckDB.
            order: by what the rows of each file are sorted: `place` is where they come in the query that makes them.
            chance: which way it falls.
        """
        guarded, key_types = _judged(sql, tuple(self.columns.items()), self._sql["mine"])
        assert guarded.noisy is not None
        with duckdb.connect() as connection:
            connection.execute(optimizers.without(optimizers.PRIVATE))
            connection.execute(f"SET threads = {threads}")
            connection.execute("SET TimeZone = 'UTC'")
            for view, read in guarded.judged.views.items():
                for statement in view_statements(
                    connection, view, self._stored(connection, read, order), None, row_keys=False, private=True
                ):
                    connection.execute(statement)
            prepare(connection, guarded.noisy.rows, guarded.noisy.answer, private=True)
            told = fill(connection, guarded.noisy, key_types, chance or Still())
            shown = connection.execute(guarded.noisy.answer).fetchall()
        return [*map(repr, shown), repr(told)]

    def _stored(self, connection: duckdb.DuckDBPyConnection, read: QueryTable, order: str) -> QueryTable:
        file = self._folder / f"{read.name}-{abs(hash(order))}.parquet"
        rows = f"SELECT *, row_number() OVER () AS place FROM ({self._sql[read.name]})"
        if not file.exists():
            # Small groups of rows, so that several threads have something to do.
            connection.execute(
                f"COPY (SELECT * EXCLUDE (place) FROM ({rows}) ORDER BY {order}) TO '{file}' (ROW_GROUP_SIZE 2048)"
            )
        return replace(read, source=replace(read.source, files=(str(file),)))


def _tables(columns: tuple[tuple[str, str], ...], mine: str) -> list[QueryTable]:
    private = table("pd", dict(columns), "CUSTOM", PRIVATE)
    return [
        replace(private, privacy=PrivacyPolicy("budget", 10)),
        table("mine", _described(mine), "CUSTOM", CUSTOM, QUERIER),
    ]


@lru_cache(maxsize=16)
def _judged(sql: str, columns: tuple[tuple[str, str], ...], mine: str) -> tuple[WrittenQuery, list[str]]:
    """A query as it is judged and rehearsed, which sees no row: once for all twins and all orders of their rows."""
    guarded = judge_and_write(direct(sql, _tables(columns, mine), epsilon_left="1000"))
    assert guarded.noisy is not None
    return guarded, rehearse(guarded.judged.views, guarded.noisy)


@cache
def _described(sql: str) -> dict[str, str]:
    types = {"INTEGER": "int", "BIGINT": "bigint", "DOUBLE": "double", "VARCHAR": "string"}
    with duckdb.connect() as connection:
        described: list[tuple[Any, ...]] = connection.execute(f"DESCRIBE {sql}").fetchall()
    return {name: types[kind] for name, kind, *_ in described}
