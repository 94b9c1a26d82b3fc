"""The threads around the loop: they wake, they stop, and they leave runs running."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from support.patience import Patience
from support.worlds.driven import World
from whiteroom.base.clock import utc_now
from whiteroom.controllers.loop import Reconciler
from whiteroom.controllers.scheduler import Controllers
from whiteroom.controllers.timing import Timing
from whiteroom.domain.resources import trained_models
from whiteroom.ports.store import Work


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for what other threads bring about; a busy machine is given time, an idle one takes none of it."""
    patience = Patience(seconds)
    while not true():
        assert not patience.is_lost, "it did not happen"
        patience.rest()


def controllers_of(world: World, timing: Timing | None = None) -> Controllers:
    timing = timing or Timing(idle_seconds=60)
    reconciler = world.reconciler()
    return Controllers(world.store, reconciler, utc_now, timing, threads=2)


@pytest.fixture(autouse=True)
def real_time(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    """Threads live in real time: the room's clock shows it."""
    monkeypatch.setattr(type(world.clock), "__call__", lambda _: utc_now())


def test_work_recorded_while_all_sleep_is_taken_up_at_once(world: World) -> None:
    controllers = controllers_of(world)
    world.store.on_work(controllers.wake)
    controllers.start()
    try:
        channel = world.channel()
        until(lambda: world.get(Work.ML_INPUT_CHANNELS, channel.id).status == "ACTIVE")
        model = world.model(channels=(channel,))
        until(lambda: world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.ACTIVE)
    finally:
        assert controllers.stop(20)


def test_stopping_finishes_the_step_and_leaves_the_run_running(world: World) -> None:
    world.runtime.looks = 10**9
    controllers = controllers_of(world)
    world.store.on_work(controllers.wake)
    controllers.start()
    channel = world.channel()
    until(lambda: world.get(Work.ML_INPUT_CHANNELS, channel.id).status == "ACTIVE")
    model = world.model(channels=(channel,))
    until(lambda: world.get(Work.TRAINED_MODELS, model.id).status == "CREATE_IN_PROGRESS")
    assert controllers.stop(20)
    assert world.runtime.runs() == (f"training-{model.id}",)
    assert world.runtime.stops == []


def test_a_step_that_does_not_end_is_said_to_be_unfinished(world: World) -> None:
    entered, free = threading.Event(), threading.Event()

    def blocks(_: str) -> None:
        entered.set()
        free.wait(20)

    world.channel()
    reconciler = world.reconciler(blocks)
    controllers = Controllers(world.store, reconciler, utc_now, Timing(idle_seconds=60), threads=1)
    controllers.start()
    assert entered.wait(20)
    assert not controllers.stop(0.01)
    free.set()
    assert controllers.stop(20)


def test_a_store_that_cannot_be_read_for_a_while_stops_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    channel = world.channel()
    real, failures = Reconciler.step, iter([OSError("disk"), OSError("disk")])

    def step(self: Reconciler, owner: str) -> bool:
        for error in failures:
            raise error
        return real(self, owner)

    monkeypatch.setattr(Reconciler, "step", step)
    controllers = controllers_of(world, Timing(idle_seconds=0.01, retry_seconds=0.01))
    controllers.start()
    try:
        until(lambda: world.get(Work.ML_INPUT_CHANNELS, channel.id).status == "ACTIVE")
    finally:
        assert controllers.stop(20)


def test_stopping_what_was_never_started_is_harmless(world: World) -> None:
    assert controllers_of(world).stop(0.1)


def test_every_sweep_does_what_it_is_told_besides(world: World) -> None:
    swept: list[int] = []
    timing = Timing(idle_seconds=60)
    controllers = Controllers(
        world.store, world.reconciler(), utc_now, timing, threads=1, also=lambda: swept.append(len(swept))
    )
    controllers.sweep()
    controllers.sweep()
    assert swept == [0, 1]
