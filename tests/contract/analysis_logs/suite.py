"""What every implementation of ports.AnalysisLogs keeps to. Subclass, and give the fixture.

`store` is a store whose transactions have what is tested.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from whiteroom.domain.observability.analysis_logs import AnalysisLogEvent, LogStage
from whiteroom.ports.analysis_logs import AnalysisLogs, LogStreamKey
from whiteroom.ports.repositories import Duplicate
from whiteroom.ports.store import Store

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
BOB = LogStreamKey("222222222222", "room", "queries")


def an_event(number: int, key: LogStreamKey = BOB, seconds: float | None = None) -> AnalysisLogEvent:
    return AnalysisLogEvent(
        id=f"analysis-{number}/SUBMISSION/{key.account_id}/{key.stream}",
        account_id=key.account_id,
        collaboration_id=key.collaboration_id,
        stream=key.stream,
        analysis_id=f"analysis-{number}",
        stage=LogStage.SUBMISSION,
        at=NOON + timedelta(seconds=number if seconds is None else seconds),
        message={"number": number, "text": "ü'\"\n\U0001f600"},
    )


def write(store: Store, *events: AnalysisLogEvent) -> None:
    with store.transaction() as tx:
        tx.analysis_logs.add(events)


class AnalysisLogsContract:
    ports: tuple[type, ...] = (AnalysisLogs,)

    def test_events_come_in_order_from_any_place_on_and_back(self, store: Store) -> None:
        write(store, *(an_event(number) for number in range(5)))
        with store.reading() as tx:
            logs = tx.analysis_logs
            forward = logs.forward(BOB, 0, 10)
            assert [placed.event for placed in forward] == [an_event(number) for number in range(5)]
            assert logs.forward(BOB, forward[2].place, 2) == forward[2:4]
            assert logs.backward(BOB, logs.end(BOB), 10) == forward[::-1]
            assert logs.backward(BOB, forward[2].place, 1) == (forward[1],)
            assert logs.forward(BOB, logs.end(BOB), 10) == ()

    def test_a_stream_is_one_accounts_of_one_collaboration(self, store: Store) -> None:
        others = [
            LogStreamKey("333333333333", "room", "queries"),
            LogStreamKey("222222222222", "other", "queries"),
            LogStreamKey("222222222222", "room", "jobs"),
        ]
        write(store, an_event(1), *(an_event(number, key) for number, key in enumerate(others, 2)))
        with store.reading() as tx:
            logs = tx.analysis_logs
            for number, key in enumerate([BOB, *others], 1):
                assert [placed.event.message["number"] for placed in logs.forward(key, 0, 10)] == [number]
            assert [span.name for span in logs.streams("222222222222", "room")] == ["jobs", "queries"]
            assert logs.streams("444444444444", "room") == ()

    def test_the_first_event_from_a_moment_on_is_found(self, store: Store) -> None:
        write(store, *(an_event(number) for number in (0, 2, 4)))
        with store.reading() as tx:
            logs = tx.analysis_logs
            places = [placed.place for placed in logs.forward(BOB, 0, 10)]
            found = [logs.first_at(BOB, NOON + timedelta(seconds=at)) for at in (-1, 0, 1, 2, 3, 4, 5)]
            assert found == [places[0], places[0], places[1], places[1], places[2], places[2], logs.end(BOB)]

    def test_times_of_a_stream_do_not_fall_though_the_clock_was_set_back(self, store: Store) -> None:
        write(store, an_event(1, seconds=10))
        write(store, an_event(2, seconds=5))
        with store.reading() as tx:
            at = [placed.event.at for placed in tx.analysis_logs.forward(BOB, 0, 10)]
            (span,) = tx.analysis_logs.streams(BOB.account_id, BOB.collaboration_id)
        assert at == [NOON + timedelta(seconds=10)] * 2
        assert (span.first_at, span.last_at) == (at[0], at[1])

    def test_there_is_one_of_each_and_a_second_takes_its_transaction_back(self, store: Store) -> None:
        write(store, an_event(1))
        with pytest.raises(Duplicate):
            write(store, an_event(2), an_event(1))
        with store.reading() as tx:
            assert [placed.event for placed in tx.analysis_logs.forward(BOB, 0, 10)] == [an_event(1)]

    def test_the_events_of_one_analysis_are_found(self, store: Store) -> None:
        carol = LogStreamKey("333333333333", "room", "queries")
        write(store, an_event(1), an_event(1, carol), an_event(2))
        with store.reading() as tx:
            assert tx.analysis_logs.of("analysis-1", LogStage.SUBMISSION) == (an_event(1), an_event(1, carol))
            assert tx.analysis_logs.of("analysis-1", LogStage.TERMINATION) == ()
