"""Whoever stalls until its lease runs out, and whoever goes on meanwhile: one run, and the right end."""

from __future__ import annotations

import pytest

from support.failpoints import once
from support.worlds.driven import TIMING, World
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import RunId
from whiteroom.domain.resources import (
    trained_models,
)
from whiteroom.ports.store import Work


@pytest.mark.parametrize("kind", ["training", "inference"])
def test_a_start_that_was_planned_before_a_cancel_and_done_after_it_leaves_no_run(world: World, kind: str) -> None:
    """Controller A plans START and stalls; its lease runs out; B sees the cancel through; A goes on."""
    work = Work.TRAINED_MODELS if kind == "training" else Work.TRAINED_MODEL_INFERENCE_JOBS
    record = world.model() if kind == "training" else world.inference_job()

    def meanwhile() -> None:
        world.ask(work, record.id, Event.CANCEL)
        world.clock.forward(TIMING.lease_seconds + 1)
        world.drive(world.reconciler())
        assert world.get(work, record.id).status == "INACTIVE"

    slow = world.reconciler(once("planned", meanwhile, visit=2))  # 1: resolve, 2: start
    slow.step("slow")
    slow.step("slow")
    assert RunId(f"{kind}-{record.id}") not in world.runtime.runs()
    assert world.get(work, record.id).status == "INACTIVE"


@pytest.mark.parametrize("point", ["planned", "acted"])
@pytest.mark.parametrize("other_finishes", [True, False])
def test_a_controller_that_lost_its_lease_while_packing_keeps_nothing_of_a_cancelled_training(
    world: World, point: str, other_finishes: bool
) -> None:
    model = world.model()

    def meanwhile() -> None:
        world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)
        world.clock.forward(TIMING.lease_seconds + 1)
        if other_finishes:
            world.drive(world.reconciler())
        else:
            world.reconciler().step("other")

    # Resolve, start, two looks, and the fifth step packs.
    world.drive(world.reconciler(once(point, meanwhile, visit=5)))
    assert world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.INACTIVE
    world.reconciler().sweep()
    assert world.runtime.runs() == ()
    assert world.data.kept() == []


def test_two_threads_of_one_server_never_work_on_the_same_record(world: World) -> None:
    """The machine slept under a step, its lease ran out, and another thread claims the work."""
    model = world.model()
    status: list[str] = []

    def meanwhile() -> None:
        world.clock.forward(TIMING.lease_seconds + 1)
        assert reconciler.step("other")
        status.append(world.get(Work.TRAINED_MODELS, model.id).image_digest or "untouched")

    reconciler = world.reconciler(once("planned", meanwhile))
    reconciler.step("first")
    assert status == ["untouched"]
    assert world.get(Work.TRAINED_MODELS, model.id).image_digest is not None
