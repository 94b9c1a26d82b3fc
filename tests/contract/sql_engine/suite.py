"""What every implementation of ports.SqlEngine keeps to. Subclass, and give the fixtures.

`engine` is what is tested, and `data` where its results lie. `query` ends with rows, `endless` runs until it is
stopped, and `refused` is a query that the rules do not let through; each has an id and a target of its own.
"""

from __future__ import annotations

import pytest

from support.patience import Patience
from whiteroom.domain.execution.queries import QueryFailure, QueryObservation, QuerySpec
from whiteroom.domain.execution.runs import Phase
from whiteroom.ports.data import Data
from whiteroom.ports.sql_engine import SqlEngine


def ended(engine: SqlEngine, query_id: str) -> QueryObservation:
    patience = Patience(60)
    while (seen := engine.observe(query_id)).phase is Phase.RUNNING:
        assert not patience.is_lost
        patience.rest()
    return seen


class SqlEngineContract:
    ports: tuple[type, ...] = (SqlEngine,)

    def test_a_query_that_nobody_has_started_is_absent(self, engine: SqlEngine) -> None:
        assert engine.observe("never").phase is Phase.ABSENT
        assert list(engine.queries()) == []

    def test_a_query_ends_with_its_rows_in_its_target_and_with_how_it_was_judged(
        self, engine: SqlEngine, data: Data, query: QuerySpec
    ) -> None:
        engine.start(query)
        assert list(engine.queries()) == [query.id]
        seen = ended(engine, query.id)
        assert (seen.phase, seen.failure, seen.message) == (Phase.ENDED, None, "")
        assert seen.result is not None
        assert seen.result.rows > 0
        assert list(data.list(query.target)) == list(seen.result.files)
        assert data.measure({"here": query.target}) == seen.result.size_bytes > 0
        assert set(seen.result.tables) <= {table.name for table in query.tables}
        assert seen.judgement is not None

    def test_a_start_that_is_repeated_is_harmless(self, engine: SqlEngine, query: QuerySpec) -> None:
        engine.start(query)
        engine.start(query)
        seen = ended(engine, query.id)
        engine.start(query)
        assert engine.observe(query.id) == seen
        assert list(engine.queries()) == [query.id]

    def test_a_refused_query_says_why_and_leaves_no_rows(
        self, engine: SqlEngine, data: Data, refused: QuerySpec
    ) -> None:
        engine.start(refused)
        seen = ended(engine, refused.id)
        assert (seen.phase, seen.failure, seen.result) == (Phase.ENDED, QueryFailure.REFUSED, None)
        assert seen.message.endswith(".")
        assert list(data.list(refused.target)) == []

    def test_a_query_that_is_stopped_has_no_rows(self, engine: SqlEngine, data: Data, endless: QuerySpec) -> None:
        engine.start(endless)
        assert engine.observe(endless.id).phase is Phase.RUNNING
        for _ in range(2):
            engine.stop(endless.id)
            seen = engine.observe(endless.id)
            assert (seen.phase, seen.failure, seen.result) == (Phase.ENDED, QueryFailure.STOPPED, None)
        engine.start(endless)
        assert engine.observe(endless.id).failure is QueryFailure.STOPPED
        assert list(data.list(endless.target)) == []

    def test_a_stop_leaves_what_is_absent_or_has_ended(self, engine: SqlEngine, query: QuerySpec) -> None:
        engine.stop("never")
        assert engine.observe("never").phase is Phase.ABSENT
        engine.start(query)
        seen = ended(engine, query.id)
        engine.stop(query.id)
        assert engine.observe(query.id) == seen

    def test_a_query_that_is_forgotten_leaves_its_rows_and_nothing_else(
        self, engine: SqlEngine, data: Data, query: QuerySpec
    ) -> None:
        engine.start(query)
        seen = ended(engine, query.id)
        for _ in range(2):
            engine.forget(query.id)
        assert engine.observe(query.id) == QueryObservation(Phase.ABSENT)
        assert list(engine.queries()) == []
        assert seen.result is not None
        assert list(data.list(query.target)) == list(seen.result.files)

    def test_forgetting_kills_what_still_runs_and_it_can_be_started_again(
        self, engine: SqlEngine, data: Data, endless: QuerySpec
    ) -> None:
        engine.start(endless)
        engine.forget(endless.id)
        assert engine.observe(endless.id).phase is Phase.ABSENT
        assert list(data.list(endless.target)) == []
        engine.start(endless)
        assert engine.observe(endless.id).phase is Phase.RUNNING

    @pytest.mark.parametrize("first", [0, 1])
    def test_queries_are_apart(self, engine: SqlEngine, query: QuerySpec, endless: QuerySpec, first: int) -> None:
        for spec in (query, endless)[:: 1 if first else -1]:
            engine.start(spec)
        assert sorted(engine.queries()) == sorted([query.id, endless.id])
        engine.stop(endless.id)
        assert ended(engine, query.id).result is not None
        engine.forget(endless.id)
        assert list(engine.queries()) == [query.id]
