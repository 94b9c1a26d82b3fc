"""Whatever moment the server dies at: a model is trained once, and cancelled or deleted, nothing of it is left."""

from __future__ import annotations

import pytest

from crash.points import POINTS, VISITS, nothing_of_a_training_is_left, restart_with_a_sweep
from support.failpoints import crash_at, once
from support.worlds.driven import World
from support.worlds.requests import ALICE
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import EndReason, RunEnd
from whiteroom.domain.resources import (
    trained_models,
)
from whiteroom.ports.store import Work


@pytest.mark.parametrize("visit", VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_trains_exactly_once(world: World, point: str, visit: int) -> None:
    model = world.model()
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    assert world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.ACTIVE
    assert [run.id for run in world.runtime.started] == [f"training-{model.id}"]
    assert world.runtime.runs() == ()
    assert world.data.kept() == [
        f"trained-models/{model.id}/model.tar.gz",
        f"trained-models/{model.id}/output.tar.gz",
    ]


@pytest.mark.parametrize("visit", range(1, 9))
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_keeps_what_a_training_saved_that_ran_too_long(
    world: World, point: str, visit: int
) -> None:
    model = world.model()
    world.runtime.end = RunEnd(EndReason.MAX_RUNTIME)
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    model = world.get(Work.TRAINED_MODELS, model.id)
    assert (model.status, model.status_code) == (trained_models.Status.CREATE_FAILED, "MaxRuntimeExceeded")
    folder = f"trained-models/{model.id}/partial"
    assert world.data.kept() == [f"{folder}/model.tar.gz", f"{folder}/output.tar.gz"]
    assert nothing_of_a_training_is_left(world)


@pytest.mark.parametrize("visit", range(1, 6))
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("obeys", [True, False])
def test_a_crash_anywhere_in_a_cancel_still_ends_the_run(world: World, obeys: bool, point: str, visit: int) -> None:
    world.runtime.obeys_stop, world.runtime.looks = obeys, 10_000
    model = world.model()
    reconciler = world.reconciler()
    while world.get(Work.TRAINED_MODELS, model.id).status is not trained_models.Status.CREATE_IN_PROGRESS:
        reconciler.step("a")
    world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)
    world.drive(world.reconciler(crash_at(point, visit)), steps=2_000)
    restart_with_a_sweep(world)
    assert world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.INACTIVE
    assert world.runtime.runs() == ()
    assert world.data.kept() == []


@pytest.mark.parametrize("visit", range(1, 5))
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_in_a_delete_still_erases_the_model(world: World, point: str, visit: int) -> None:
    model = world.ready_model()
    world.ask(Work.TRAINED_MODELS, model.id, Event.DELETE)
    world.drive(world.reconciler(crash_at(point, visit)))
    assert world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.INACTIVE
    assert world.data.kept() == []


@pytest.mark.parametrize("point", ["planned", "acted"])
@pytest.mark.parametrize("visit", VISITS)
def test_a_cancel_under_a_step_never_leaves_a_run(world: World, point: str, visit: int) -> None:
    model = world.model()
    arn = Work.TRAINED_MODELS, model.id

    def cancel() -> None:
        if world.get(*arn).status in (trained_models.Status.CREATE_PENDING, trained_models.Status.CREATE_IN_PROGRESS):
            world.ask(*arn, Event.CANCEL)

    world.drive(world.reconciler(once(point, cancel, visit)))
    assert world.get(*arn).status in (trained_models.Status.INACTIVE, trained_models.Status.ACTIVE)
    assert world.runtime.runs() == ()
    if world.get(*arn).status is trained_models.Status.INACTIVE:
        assert world.data.kept() == []


def test_the_audit_trail_of_a_crashed_training_has_each_event_once(world: World) -> None:
    model = world.model()
    world.drive(world.reconciler(crash_at("acted", 3)))
    with world.store.reading() as tx:
        trail = [(event.event, event.actor) for event in tx.events(model.arn)]
    assert trail == [
        (Event.CREATED, ALICE),
        (Event.STARTED, "controller"),
        (Event.SUCCEEDED, "controller"),
    ]
