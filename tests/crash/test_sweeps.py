"""The sweep frees what nobody knows, and nothing else."""

from __future__ import annotations

import pytest

from support.failpoints import Crash, once
from support.worlds.driven import TIMING, World
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import RunId
from whiteroom.domain.resources import (
    trained_models,
)
from whiteroom.ports.store import Work


def test_the_sweep_deletes_checkpoints_that_nobody_knows_and_no_others(world: World) -> None:
    model = world.model()
    world.runtime.looks = 10_000
    reconciler = world.reconciler()
    for _ in range(2):
        reconciler.step("a")
    for name in ("nobody",):
        deep = world.tmp / "checkpoints" / name / "algo-1" / "a"
        deep.mkdir(parents=True)
        (deep / "file").write_text("x")
    reconciler.sweep()
    assert [path.name for path in (world.tmp / "checkpoints").iterdir()] == [model.id]


def test_a_start_done_late_by_a_server_that_then_dies_is_swept(world: World) -> None:
    model = world.model()

    def meanwhile() -> None:
        world.ask(Work.TRAINED_MODELS, model.id, Event.CANCEL)
        world.clock.forward(TIMING.lease_seconds + 1)
        world.drive(world.reconciler())

    seen: list[str] = []

    def failpoint(point: str) -> None:
        seen.append(point)
        if seen.count("planned") == 2 and point == "planned":
            meanwhile()
        if seen.count("acted") == 2:
            raise Crash

    slow = world.reconciler(failpoint)
    slow.step("slow")
    with pytest.raises(Crash):
        slow.step("slow")
    assert world.runtime.runs() == (f"training-{model.id}",)
    world.reconciler().sweep()
    assert world.runtime.runs() == ()


def test_a_run_whose_start_is_not_recorded_yet_survives_the_sweep(world: World) -> None:
    model = world.model()
    sweeps = once("acted", lambda: world.reconciler().sweep(), visit=2)
    world.drive(world.reconciler(sweeps))
    assert world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.ACTIVE
    assert len(world.runtime.started) == 1


def test_the_sweep_frees_what_nobody_knows(world: World) -> None:
    model = world.model()
    reconciler = world.reconciler()
    for _ in range(2):
        reconciler.step("a")
    run = world.runtime.started[0]
    world.runtime._runs[RunId("training-nobody")] = 0
    world.runtime._runs[RunId("inference-nobody")] = 0
    world.engine._queries["nobody"] = 0
    world.runtime._runs[RunId("doctor-probe")] = 0
    reconciler.sweep()
    assert world.runtime.runs() == (run.id, "doctor-probe")
    assert world.engine.queries() == ()
    assert world.get(Work.TRAINED_MODELS, model.id).status is trained_models.Status.CREATE_IN_PROGRESS
