from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.worlds.driven import World
from whiteroom.domain.execution.runs import INFERENCE_PREFIX, TRAINING_PREFIX
from whiteroom.domain.resources import trained_model_inference_jobs, trained_models
from whiteroom.reads.under_way import runs_under_way


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def test_runs_that_have_begun_and_not_ended_are_under_way(world: World) -> None:
    base, channel = world.ready_model(), world.ready_channel()
    waits = world.model(channels=(channel,))
    model = world.model(channels=(channel,), status=trained_models.Status.CREATE_IN_PROGRESS)
    began = trained_model_inference_jobs.Status.CREATE_IN_PROGRESS
    job = world.inference_job(model=base, channel=channel, status=began)
    assert set(runs_under_way(world.store)) == {TRAINING_PREFIX + model.id, INFERENCE_PREFIX + job.id}
    assert waits.status is trained_models.Status.CREATE_PENDING
