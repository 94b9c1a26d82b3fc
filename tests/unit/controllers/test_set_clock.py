"""Somebody sets the machine's clock while controllers are at work."""

from __future__ import annotations

from datetime import timedelta

import pytest

from support.worlds.driven import World
from whiteroom.controllers.scheduler import Controllers
from whiteroom.controllers.timing import Timing
from whiteroom.domain.execution.runs import RunId
from whiteroom.ports.store import Work


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_jumps_a_day_ahead_and_back_loses_nothing_and_runs_nothing_twice(
    world: World, restarted: bool
) -> None:
    passed = [0.0]
    controllers = Controllers(world.store, world.reconciler(), world.clock, Timing(), 1, lambda: passed[0])
    reconciler = world.reconciler()
    world.runtime.looks = 10**9
    model = world.model(channels=(world.ready_channel(),))

    def work() -> None:
        for _ in range(20):
            if not reconciler.step("worker"):
                passed[0] += 1
                world.clock.now += timedelta(seconds=1)

    work()
    for jump in (timedelta(days=1), timedelta(days=-1)):
        world.clock.now += jump
        if jump > timedelta():
            controllers.sweep()
        work()
    due_at = world.store.next_due_at()
    assert due_at is not None
    assert due_at > world.clock() + timedelta(hours=23)
    if restarted:
        world.store.make_all_due(world.clock())  # as a server does that starts (app.py)
    else:
        controllers.sweep()
    world.runtime._runs[RunId(f"training-{model.id}")] = 0  # it has ended
    work()
    assert world.get(Work.TRAINED_MODELS, model.id).status == "ACTIVE"
    assert len(world.runtime.started) == 1


def test_a_clock_that_is_right_makes_nobody_look_at_what_is_due_later(world: World) -> None:
    controllers = Controllers(
        world.store, world.reconciler(), world.clock, Timing(), 1, lambda: world.clock().timestamp() * 1.00001
    )
    world.ready_channel()
    world.drive()
    before = world.store.next_due_at()
    world.clock.now += timedelta(hours=5)  # and the clock drifts by a fifth of a second
    controllers.sweep()
    assert world.store.next_due_at() == before
