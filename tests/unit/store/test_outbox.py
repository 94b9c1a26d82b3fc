"""What is in the outbox was committed with the transition that it tells of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.fakes import NOON
from support.worlds.driven import World
from support.worlds.requests import ALICE
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.observability.notifications import NotificationAddress, OutboxEntry, Way


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def name_an_address(world: World) -> None:
    with world.store.transaction() as tx:
        tx.notification_addresses.add(NotificationAddress("a-1", ALICE, Way.EMAIL, "a@b.test", NOON, NOON))


def outbox(world: World) -> list[OutboxEntry]:
    with world.store.reading() as tx:
        return list(tx.outbox.all())


def end(world: World, *, raising: bool) -> None:
    channel = world.channel()
    with world.store.transaction() as tx:
        tx.ml_input_channels.transition(
            channel, Event.FAILED, actor=ALICE, at=NOON, status_code="DataError", status_message="the words"
        )
        if raising:
            raise RuntimeError


def test_an_end_is_told_of_with_its_status_and_its_code(world: World) -> None:
    name_an_address(world)
    woken: list[None] = []
    world.store.on_work(lambda: woken.append(None))
    end(world, raising=False)
    assert outbox(world) == [
        OutboxEntry(
            "ml_input_channels/channel-1/1",
            "ml_input_channels",
            "channel-1",
            Event.FAILED,
            "CREATE_FAILED",
            "DataError",
            NOON,
        )
    ]
    assert len(woken) == 2


def test_a_transition_that_is_rolled_back_leaves_no_word(world: World) -> None:
    name_an_address(world)
    with pytest.raises(RuntimeError):
        end(world, raising=True)
    assert outbox(world) == []


def test_where_nobody_is_told_anything_nothing_is_written(world: World) -> None:
    end(world, raising=False)
    assert outbox(world) == []


def test_what_is_no_end_is_not_told_of(world: World) -> None:
    name_an_address(world)
    channel = world.channel()
    with world.store.transaction() as tx:
        tx.ml_input_channels.transition(channel, Event.STARTED, actor=ALICE, at=NOON)
    assert outbox(world) == []
