"""What rests on an owner's tables, as that owner is shown it before it takes them back."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.worlds.everything import INTO_A_BUCKET
from support.worlds.owned import an_owned_room, dan_of, everything
from support.worlds.requests import custom_rule
from support.worlds.rooms import Room
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.reads.resting_on import Dependant, resting_on_own
from whiteroom.store.sqlite import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "whiteroom.db")


def shown(store: SqliteStore, room: Room, account: str, *association_ids: str) -> tuple[Dependant, ...]:
    with store.reading() as tx:
        return resting_on_own(tx, account, room.collaboration_id, association_ids)


def test_an_owner_is_shown_what_rests_on_its_own_tables_and_nobody_what_rests_on_anothers(store: SqliteStore) -> None:
    room = an_owned_room(store)
    everything(room)
    table = room.table.association_id
    kinds = [one.kind for one in shown(store, room, room.parts.owner, table, "none")]
    assert kinds == ["export", "inference job", "trained model", "ML input channel"]
    for account in (room.parts.querier, room.parts.receiver, dan_of(room)):
        assert shown(store, room, account, table) == ()
    assert shown(store, room, room.parts.owner) == ()
    store.close()


def test_a_table_is_looked_for_in_its_own_collaboration_alone(store: SqliteStore) -> None:
    room, other = an_owned_room(store), an_owned_room(store)
    everything(room)
    assert shown(store, other, room.parts.owner, room.table.association_id) == ()
    store.close()


def test_a_query_that_runs_is_shown_with_its_receivers_until_it_has_ended(store: SqliteStore) -> None:
    room = an_owned_room(store)
    alice, bob = room.parts.querier, room.parts.owner
    room.server.cleanrooms(alice, "UpdateMembership", **room.of(alice), **INTO_A_BUCKET)
    rule = custom_rule(additionalAnalyses="NOT_ALLOWED", allowedAnalysisProviders=[alice])
    table = room.shared_table(bob, "open", rule=rule, shared={"v1": {"custom": {"allowedResultReceivers": [alice]}}})
    query = room.server.cleanrooms(
        alice,
        "StartProtectedQuery",
        **room.of(alice),
        type="SQL",
        sqlParameters={"queryString": "SELECT age FROM open"},
        resultConfiguration={"outputConfiguration": {"member": {"accountId": alice}}},
    )["protectedQuery"]
    assert shown(store, room, bob, table.association_id) == (Dependant("query", "", alice, (alice,), "SUBMITTED"),)
    asked = {"protectedQueryIdentifier": query["id"], "targetStatus": "CANCELLED"}
    room.server.cleanrooms(alice, "UpdateProtectedQuery", **room.of(alice), **asked)
    assert [one.status for one in shown(store, room, bob, table.association_id)] == ["CANCELLING"]
    room.server.advance("protected_queries", query["id"], Event.STOPPED)
    assert shown(store, room, bob, table.association_id) == ()
    store.close()
