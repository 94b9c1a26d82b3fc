"""Whatever moment the server dies at: what inference and export jobs deliver arrives once and whole."""

from __future__ import annotations

import pytest

from crash.points import POINTS, VISITS, restart_with_a_sweep
from support.failpoints import crash_at, once
from support.worlds.driven import World
from support.worlds.records import ROOM
from support.worlds.requests import ALICE, BOB
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources import (
    trained_model_inference_jobs,
)
from whiteroom.ports.store import Work


@pytest.mark.parametrize("visit", VISITS)
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_infers_once_and_delivers(world: World, point: str, visit: int) -> None:
    job = world.inference_job()
    world.runtime.started.clear()
    world.drive(world.reconciler(crash_at(point, visit)))
    restart_with_a_sweep(world)
    assert world.get(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id).status is trained_model_inference_jobs.Status.ACTIVE
    assert [run.id for run in world.runtime.started] == [f"inference-{job.id}"]
    assert world.runtime.runs() == ()
    assert [key.rsplit("/", 1)[-1] for key in world.data.delivered] == ["part-0.csv.out"]


@pytest.mark.parametrize("visit", range(1, 4))
@pytest.mark.parametrize("point", POINTS)
def test_a_crash_anywhere_still_exports_whole(world: World, point: str, visit: int) -> None:
    job = world.export_job()
    world.drive(world.reconciler(crash_at(point, visit)))
    assert world.get(Work.TRAINED_MODEL_EXPORT_JOBS, job.id).status == "ACTIVE"
    assert sorted(key.rsplit("/", 1)[-1] for key in world.data.delivered) == ["model.tar.gz", "output.tar.gz"]


def test_nothing_is_delivered_for_a_job_cancelled_just_before(world: World) -> None:
    job = world.inference_job()
    world.runtime.looks = 0

    def cancel() -> None:
        world.ask(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id, Event.CANCEL)

    world.drive(world.reconciler(once("planned", cancel, visit=3)))  # resolve, start, deliver
    assert world.get(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id).status == "INACTIVE"
    assert world.data.delivered == {}


def test_a_delivery_goes_where_aws_puts_it(world: World) -> None:
    job = world.inference_job(trained_model_name="churn")
    world.drive()
    assert list(world.data.delivered) == [f"s3://{BOB}/results/{ROOM}/churn/{ALICE}/{job.name}/part-0.csv.out"]
