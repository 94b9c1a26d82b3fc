"""An access budget and the work that spends it: both are written or neither, whoever dies and whoever races."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, REGION, an_office
from support.ml import Studio, a_studio
from support.rooms import Crash
from whiteroom.base.callers import Caller
from whiteroom.base.faults import AccessDenied
from whiteroom.operations.context import Context
from whiteroom.operations.registry import CLEANROOMS, CLEANROOMS_ML, handlers
from whiteroom.store.sqlite import SqliteStore

USES = 3


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    """A room whose one table may be used three times."""
    store = SqliteStore(tmp_path / "whiteroom.db")
    studio = a_studio(an_office(store))
    place = f"membership/{studio.room.membership(BOB)}/configuredtableassociation/{studio.table.association_id}"
    budget = {
        "budgetParameters": [{"type": "LIFETIME", "budget": USES}],
        "resourceArn": f"arn:aws:cleanrooms:{REGION}:{BOB}:{place}",
    }
    studio.office.cleanrooms(
        BOB,
        "CreatePrivacyBudgetTemplate",
        membershipIdentifier=studio.room.membership(BOB),
        privacyBudgetType="ACCESS_BUDGET",
        parameters={"accessBudget": budget},
    )
    yield studio
    store.close()


def query_request(studio: Studio) -> dict[str, Any]:
    s3 = {"resultFormat": "CSV", "bucket": "alices"}
    return {
        "type": "SQL",
        "membershipIdentifier": studio.room.membership(ALICE),
        "sqlParameters": {"queryString": "SELECT age FROM patients"},
        "resultConfiguration": {"outputConfiguration": {"s3": s3}},
    }


def channel_request(studio: Studio) -> dict[str, Any]:
    return {"membershipIdentifier": studio.room.membership(ALICE), **studio.channel_request("late")}


def ask(studio: Studio, service: str, operation: str, request: dict[str, Any], *, dies: bool = False) -> None:
    """One operation of ALICE's in a transaction of its own, which may die before its commit."""
    office = studio.office
    with office.store.transaction() as tx:
        context = Context(
            caller=Caller(ALICE, REGION), tx=tx, now=office.now, catalog=office.catalog, deployment=office.deployment
        )
        handlers()[service, operation](request, context)
        if dies:
            raise Crash


def counted(studio: Studio) -> tuple[int, int]:
    """How many uses the budget counts, and how many queries there are."""
    with studio.office.store.reading() as tx:
        budget = tx.privacy_budget_templates.find(resource_id=studio.table.association_id)
        queries = tx.protected_queries.count(100, membership_id=studio.room.membership(ALICE))
    assert budget is not None
    return budget.lifetime_used, queries


@pytest.mark.parametrize(
    ("service", "operation", "make"),
    [(CLEANROOMS, "StartProtectedQuery", query_request), (CLEANROOMS_ML, "CreateMLInputChannel", channel_request)],
)
def test_a_server_that_dies_before_the_commit_has_counted_nothing_and_begun_nothing(
    studio: Studio, service: str, operation: str, make: Any
) -> None:
    with pytest.raises(Crash):
        ask(studio, service, operation, make(studio), dies=True)
    assert counted(studio) == (0, 0)
    ask(studio, service, operation, make(studio))
    assert counted(studio) == (1, 1)


def test_of_many_who_race_for_the_last_uses_just_so_many_get_them(studio: Studio) -> None:
    together, answers = threading.Barrier(8), []

    def race() -> None:
        together.wait()
        try:
            ask(studio, CLEANROOMS, "StartProtectedQuery", query_request(studio))
            answers.append("started")
        except AccessDenied:
            answers.append("refused")

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["refused"] * (8 - USES) + ["started"] * USES
    assert counted(studio) == (USES, USES)
