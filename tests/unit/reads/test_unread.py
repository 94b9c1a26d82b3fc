"""Why a table could not be read, as each member reads of the query: the table's owner alone is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.worlds.driven import World
from support.worlds.records import FLIGHTS
from support.worlds.requests import ALICE, BOB, CAROL
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.observability.analysis_logs import LogStage
from whiteroom.domain.resources.protected_queries import ProtectedQueryStatus
from whiteroom.ports.store import Work
from whiteroom.reads.unread import unread_tables

TOLD = "s3:GetObject on the bucket bobs-lake was refused to the role of his."
PUBLIC = "The table 'Flights' cannot be read."


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.engine.failure, world.engine.message = QueryFailure.DATA, PUBLIC
    world.engine.for_owners = {FLIGHTS.association_id: TOLD}
    yield world
    world.close()


@pytest.mark.parametrize("kind", ["query", "channel"])
def test_the_owner_of_a_table_alone_is_told_why_it_could_not_be_read(world: World, kind: str) -> None:
    if kind == "query":
        query = world.query()
        work, record_id, query_id = Work.PROTECTED_QUERIES, query.id, query.id
    else:
        channel = world.channel()
        work, record_id, query_id = Work.ML_INPUT_CHANNELS, channel.id, channel.protected_query_id
    world.drive()
    ended = world.get(work, record_id)
    assert ended.status_message == PUBLIC
    with world.store.reading() as tx:
        assert unread_tables(tx, BOB, ended) == {"Flights": TOLD}
        assert [unread_tables(tx, other, ended) for other in (ALICE, CAROL)] == [{}, {}]
        events = {event.account_id: event.message for event in tx.analysis_logs.of(query_id, LogStage.TERMINATION)}
    told = {
        account: [table.get("notReadReason") for table in message["tables"] if table["schemaName"] == "Flights"]
        for account, message in events.items()
    }
    assert all(reasons == ([TOLD] if account == BOB else [None]) for account, reasons in told.items())
    assert not [message for account, message in events.items() if account != BOB and "bobs-lake" in str(message)]


def test_a_table_that_moved_is_asked_for_again_and_only_so_often(world: World) -> None:
    world.engine.failure, world.engine.again, world.engine.message = None, 2, "It moved."
    query = world.query()
    world.drive()
    assert world.get(Work.PROTECTED_QUERIES, query.id).status is ProtectedQueryStatus.SUCCESS
    assert len(world.engine.started) == 3
    world.engine.again = 99
    query = world.query()
    world.drive()
    ended = world.get(Work.PROTECTED_QUERIES, query.id)
    assert (ended.status, ended.status_code, ended.status_message) == ("FAILED", "DataError", "It moved.")
    assert len(world.engine.started) == 6
