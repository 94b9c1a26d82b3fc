"""Whatever moment the server dies at: a run that died of the machine is tried again, twice at most."""

from __future__ import annotations

import pytest

from crash.points import DIED, POINTS, RETRIED_VISITS, nothing_of_a_training_is_left, restart_with_a_sweep, retries_told
from support.failpoints import crash_at, once
from support.worlds.driven import TIMING, World
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources import (
    trained_model_inference_jobs,
    trained_models,
)
from whiteroom.ports.store import Work


@pytest.mark.parametrize("deaths", [1, 2])
@pytest.mark.parametrize("visit", RETRIED_VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_tries_a_training_again_once_for_each_death(
    world: World, point: str, visit: int, deaths: int
) -> None:
    model = world.model()
    world.runtime.deaths = [DIED] * deaths
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    model = world.get(Work.TRAINED_MODELS, model.id)
    assert (model.status, model.retries, model.retry) == (trained_models.Status.ACTIVE, deaths, None)
    assert [run.id for run in world.runtime.started] == [f"training-{model.id}"] * (deaths + 1)
    assert retries_told(world, model.arn) == deaths
    assert nothing_of_a_training_is_left(world)


@pytest.mark.parametrize("visit", RETRIED_VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_fails_a_training_at_its_third_death(world: World, point: str, visit: int) -> None:
    model = world.model()
    world.runtime.deaths = [DIED] * 4
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    model = world.get(Work.TRAINED_MODELS, model.id)
    assert (model.status, model.status_code) == (trained_models.Status.CREATE_FAILED, "InstanceLost")
    assert len(world.runtime.started) == 3
    assert retries_told(world, model.arn) == 2
    assert nothing_of_a_training_is_left(world)
    assert world.data.kept() == []


@pytest.mark.parametrize("visit", RETRIED_VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_tries_an_inference_again_and_delivers_once(
    world: World, point: str, visit: int
) -> None:
    job = world.inference_job()
    world.runtime.started.clear()
    world.runtime.deaths = [DIED, DIED]
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    job = world.get(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id)
    assert (job.status, job.retries) == (trained_model_inference_jobs.Status.ACTIVE, 2)
    assert len(world.runtime.started) == 3
    assert world.runtime.runs() == ()
    assert retries_told(world, job.arn) == 2
    assert [key.rsplit("/", 1)[-1] for key in world.data.delivered] == ["part-0.csv.out"]


@pytest.mark.parametrize("visit", range(4, 12))
@pytest.mark.parametrize("point", ["planned", "acted"])
def test_a_cancel_under_a_retry_never_leaves_a_run(world: World, point: str, visit: int) -> None:
    model = world.model()
    world.runtime.deaths, world.runtime.looks = [DIED, DIED], 0

    def cancel() -> None:
        if world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.CREATE_IN_PROGRESS:
            world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)

    world.drive(world.reconciler(once(point, cancel, visit)))
    assert trained_models.LIFECYCLE.at_rest(world.get(Work.TRAINED_MODELS, model.id).status)
    world.reconciler().sweep()
    assert nothing_of_a_training_is_left(world)


def test_a_controller_that_lost_its_lease_does_not_forget_the_next_attempt(world: World) -> None:
    """It has planned to clear the dead attempt away, and stalls; another one clears, and starts the next."""
    model = world.model()
    world.runtime.deaths, world.runtime.looks = [DIED], 10_000

    def meanwhile() -> None:
        world.clock.forward(TIMING.lease_seconds + 1)
        other = world.reconciler()
        for _ in range(2):
            other.step("other")

    slow = world.reconciler()
    for _ in range(2):
        slow.step("slow")
    (run,) = world.runtime.runs()
    world.runtime._runs[run] = 0
    slow = world.reconciler(once("planned", meanwhile, visit=2))
    for _ in range(2):
        slow.step("slow")
    assert len(world.runtime.started) == 2
    assert world.runtime.runs() == (run,)
    world.runtime._runs[run] = 0
    world.drive()
    model = world.get(Work.TRAINED_MODELS, model.id)
    assert (model.status, model.retries) == (trained_models.Status.ACTIVE, 1)
