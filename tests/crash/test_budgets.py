"""An access budget and the work that spends it: both are written or neither, whoever dies and whoever races."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.failpoints import Crash
from support.worlds.requests import ALICE, BOB, REGION
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import a_server
from whiteroom.base.callers import Caller
from whiteroom.base.faults import AccessDenied
from whiteroom.operations.context import Context
from whiteroom.operations.registry import CLEANROOMS, CLEANROOMS_ML, handlers
from whiteroom.store.sqlite import SqliteStore

USES = 3


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    """A room whose one table may be used three times."""
    store = SqliteStore(tmp_path / "whiteroom.db")
    room = a_furnished_room(a_server(store))
    place = f"membership/{room.membership(BOB)}/configuredtableassociation/{room.table.association_id}"
    budget = {
        "budgetParameters": [{"type": "LIFETIME", "budget": USES}],
        "resourceArn": f"arn:aws:cleanrooms:{REGION}:{BOB}:{place}",
    }
    room.server.cleanrooms(
        BOB,
        "CreatePrivacyBudgetTemplate",
        membershipIdentifier=room.membership(BOB),
        privacyBudgetType="ACCESS_BUDGET",
        parameters={"accessBudget": budget},
    )
    yield room
    store.close()


def query_request(room: Room) -> dict[str, Any]:
    s3 = {"resultFormat": "CSV", "bucket": "alices"}
    return {
        "type": "SQL",
        "membershipIdentifier": room.membership(ALICE),
        "sqlParameters": {"queryString": "SELECT age FROM patients"},
        "resultConfiguration": {"outputConfiguration": {"s3": s3}},
    }


def channel_request(room: Room) -> dict[str, Any]:
    return {"membershipIdentifier": room.membership(ALICE), **room.channel_request("late")}


def ask(room: Room, service: str, operation: str, request: dict[str, Any], *, dies: bool = False) -> None:
    """One operation of ALICE's in a transaction of its own, which may die before its commit."""
    server = room.server
    with server.store.transaction() as tx:
        context = Context(
            caller=Caller(ALICE, REGION), tx=tx, now=server.now, catalog=server.catalog, deployment=server.deployment
        )
        handlers()[service, operation](request, context)
        if dies:
            raise Crash


def counted(room: Room) -> tuple[int, int]:
    """How many uses the budget counts, and how many queries there are."""
    with room.server.store.reading() as tx:
        budget = tx.privacy_budget_templates.find(resource_id=room.table.association_id)
        queries = tx.protected_queries.count(100, membership_id=room.membership(ALICE))
    assert budget is not None
    return budget.lifetime_used, queries


@pytest.mark.parametrize(
    ("service", "operation", "make"),
    [(CLEANROOMS, "StartProtectedQuery", query_request), (CLEANROOMS_ML, "CreateMLInputChannel", channel_request)],
)
def test_a_server_that_dies_before_the_commit_has_counted_nothing_and_begun_nothing(
    room: Room, service: str, operation: str, make: Any
) -> None:
    with pytest.raises(Crash):
        ask(room, service, operation, make(room), dies=True)
    assert counted(room) == (0, 0)
    ask(room, service, operation, make(room))
    assert counted(room) == (1, 1)


def test_of_many_who_race_for_the_last_uses_just_so_many_get_them(room: Room) -> None:
    together, answers = threading.Barrier(8), []

    def race() -> None:
        together.wait()
        try:
            ask(room, CLEANROOMS, "StartProtectedQuery", query_request(room))
            answers.append("started")
        except AccessDenied:
            answers.append("refused")

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["refused"] * (8 - USES) + ["started"] * USES
    assert counted(room) == (USES, USES)
