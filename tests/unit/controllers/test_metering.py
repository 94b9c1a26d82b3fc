"""What work took is on its payer's account, once, whatever the server dies of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.failpoints import crash_at
from support.worlds.driven import World
from support.worlds.requests import ALICE, BOB
from whiteroom.controllers.metering import raise_to
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.execution.spending import Spent
from whiteroom.domain.resources.usage import Metered, UsageEntry, UsageKind

POINTS = ["planned", "acted", "recorded"]
SPENT = Spent(8.0, 4.0, 2.0)
WORK = Metered(UsageKind.QUERY, "q", "arn:q", "room", ALICE, BOB)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.engine.spent = SPENT
    yield world
    world.close()


def entries(world: World) -> list[UsageEntry]:
    with world.store.reading() as tx:
        return list(tx.usage.all())


@pytest.mark.parametrize("visit", range(1, 6))
@pytest.mark.parametrize("point", POINTS)
def test_a_query_is_counted_once_on_its_payers_account(world: World, point: str, visit: int) -> None:
    query = world.query(payer_account_id=BOB)
    world.drive(world.reconciler(crash_at(point, visit)))
    world.reconciler().sweep()
    (entry,) = entries(world)
    assert (entry.kind, entry.resource_id, entry.payer_account_id) == (UsageKind.QUERY, query.id, BOB)
    assert (entry.account_id, entry.spent) == (ALICE, SPENT)


@pytest.mark.parametrize("failure", [QueryFailure.RESOURCES, QueryFailure.TIMEOUT, QueryFailure.REFUSED])
def test_a_query_that_gave_nothing_is_counted_as_well(world: World, failure: QueryFailure) -> None:
    world.engine.failure = failure
    world.query()
    world.drive()
    assert [entry.spent for entry in entries(world)] == [SPENT]


@pytest.mark.parametrize("visit", range(1, 6))
@pytest.mark.parametrize("point", POINTS)
def test_a_channel_is_counted_once_its_query_and_its_synthetic_rows_apart(world: World, point: str, visit: int) -> None:
    world.synthesiser.spent = Spent(1.0, 1.0, 1.0)
    channel = world.synthetic_channel()
    world.drive(world.reconciler(crash_at(point, visit)))
    world.reconciler().sweep()
    found = {entry.kind: (entry.resource, entry.spent) for entry in entries(world)}
    assert found == {
        UsageKind.QUERY: (channel.arn, SPENT),
        UsageKind.SYNTHESIS: (channel.arn, Spent(1.0, 1.0, 1.0)),
    }


def test_what_was_counted_before_is_not_counted_again(world: World) -> None:
    for total in (Spent(1.0, 1.0, 1.0), Spent(3.0, 2.0, 2.0), Spent(3.0, 2.0, 2.0), Spent(2.0, 1.0, 1.0)):
        raise_to(world.store, WORK, total, world.clock())
    assert [entry.spent for entry in entries(world)] == [Spent(3.0, 2.0, 2.0)]


def test_what_is_found_on_another_day_is_of_that_day(world: World) -> None:
    raise_to(world.store, WORK, Spent(1.0, 1.0, 1.0), world.clock())
    world.clock.now += timedelta(days=1)
    raise_to(world.store, WORK, Spent(4.0, 4.0, 4.0), world.clock())
    assert sorted(entry.cpu_seconds for entry in entries(world)) == [1.0, 3.0]
    assert len({entry.day for entry in entries(world)}) == 2
