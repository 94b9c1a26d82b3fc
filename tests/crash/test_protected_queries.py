"""Whatever moment the server dies at: a query runs once, is delivered once, and pays once."""

from __future__ import annotations

import pytest

from crash.points import POINTS, VISITS, restart_with_a_sweep
from support.failpoints import crash_at, once
from support.worlds.driven import World
from support.worlds.records import FLIGHTS, WEATHER
from support.worlds.requests import BOB
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources import (
    protected_queries,
)
from whiteroom.ports.store import Work


@pytest.mark.parametrize("visit", VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_runs_the_query_once_delivers_it_and_settles_its_budgets_once(
    world: World, point: str, visit: int
) -> None:
    read, unread = world.budget(FLIGHTS), world.budget(WEATHER)
    both = (FLIGHTS.association_id, WEATHER.association_id)
    query = world.query(named_associations=both, charged_associations=both)
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    assert world.get(Work.PROTECTED_QUERIES, query.id).status is protected_queries.ProtectedQueryStatus.SUCCESS
    assert len(world.engine.started) == 1
    assert world.engine.queries() == ()
    assert not list(world.results.glob("*"))
    places = (f"s3://{BOB}/own", "s3://alice/asked")
    assert sorted(world.data.delivered) == [f"{place}/{query.id}/part-0.csv" for place in places]
    assert (world.used(read), world.used(unread)) == (1, 0)


@pytest.mark.parametrize("visit", range(1, 4))
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_crash_anywhere_in_a_cancel_still_ends_the_query(world: World, steps: int, point: str, visit: int) -> None:
    query = world.query()
    reconciler = world.reconciler()
    for _ in range(steps):
        reconciler.step("a")
        world.clock.forward(1)
    world.ask(Work.PROTECTED_QUERIES, query.id, Event.CANCEL)
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    assert world.get(Work.PROTECTED_QUERIES, query.id).status is protected_queries.ProtectedQueryStatus.CANCELLED
    assert world.engine.queries() == ()
    assert world.data.delivered == {}


def test_nothing_is_delivered_for_a_query_cancelled_just_before(world: World) -> None:
    query = world.query()
    world.engine.looks = 0

    def cancel() -> None:
        world.ask(Work.PROTECTED_QUERIES, query.id, Event.CANCEL)

    world.drive(world.reconciler(once("planned", cancel, visit=2)))  # start, deliver
    assert world.get(Work.PROTECTED_QUERIES, query.id).status is protected_queries.ProtectedQueryStatus.CANCELLED
    assert world.data.delivered == {}
