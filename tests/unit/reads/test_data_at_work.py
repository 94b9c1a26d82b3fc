from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.worlds.driven import World
from whiteroom.reads.data_at_work import ids_at_work


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def channel_of(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def test_what_is_being_made_is_at_work_and_what_is_there_is_not(world: World) -> None:
    channel, query = world.channel(), world.query()
    assert ids_at_work(world.store) == {channel.id, query.id}
    world.drive()
    assert ids_at_work(world.store) == frozenset()


def test_what_a_training_reads_is_at_work_until_it_is_over(world: World) -> None:
    base = world.ready_model()
    incremental = ({"channelName": "base", "trainedModelArn": base.arn, "modelName": "base", "modelId": base.id},)
    model = world.model(incremental_channels=incremental)
    read = {channel_of(channel["mlInputChannelArn"]) for channel in model.data_channels}
    assert ids_at_work(world.store) == {model.id, base.id, *read}
    world.drive()
    assert ids_at_work(world.store) == frozenset()


def test_what_an_inference_job_and_an_export_read_is_at_work_until_they_are_over(world: World) -> None:
    job = world.inference_job()
    assert ids_at_work(world.store) == {channel_of(job.ml_input_channel_arn), job.trained_model_id}
    world.drive()
    export = world.export_job()
    assert ids_at_work(world.store) == {export.trained_model_id}
    world.drive()
    assert ids_at_work(world.store) == frozenset()
