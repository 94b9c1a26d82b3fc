"""What must outlive this machine is kept before a record says that it is there, and brought before it is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from support.worlds.driven import World
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.runs import Distribution, EndReason, RunEnd
from whiteroom.domain.execution.spending import Spent
from whiteroom.domain.resources.trained_models import model_archive
from whiteroom.domain.resources.usage import UsageKind
from whiteroom.ports.store import Work

CHANNELS, MODELS, JOBS = Work.ML_INPUT_CHANNELS, Work.TRAINED_MODELS, Work.TRAINED_MODEL_INFERENCE_JOBS
QUERIES = Work.PROTECTED_QUERIES


def after_all(world: World, work: Work, record: Any) -> Any:
    world.drive()
    return world.get(work, record.id)


@pytest.mark.parametrize("losses", [0, 1, 2])
@pytest.mark.parametrize("synthetic", [False, True])
def test_rows_of_a_channel_that_are_gone_before_they_are_kept_are_asked_for_again(
    world: World, losses: int, synthetic: bool
) -> None:
    world.data.losses = losses
    channel = after_all(world, CHANNELS, world.synthetic_channel() if synthetic else world.channel())
    assert channel.status == "ACTIVE"
    assert world.data.told_to_keep == [DataRef(DataKind.CHANNEL, channel.id)] * (losses + 1)
    assert len(world.engine.started) == losses + 1


def test_a_channel_whose_rows_are_always_gone_is_given_up(world: World) -> None:
    world.data.losses = 100
    channel = after_all(world, CHANNELS, world.channel())
    assert (channel.status, channel.status_code) == ("CREATE_FAILED", "PlatformError")
    assert len(world.engine.started) == 3


def test_rows_of_a_query_that_are_gone_before_they_are_delivered_are_asked_for_again(world: World) -> None:
    world.data.losses = 1
    query = after_all(world, QUERIES, world.query())
    assert query.status == "SUCCESS"
    assert len(world.engine.started) == 2
    assert len(world.data.delivered) == 2


@pytest.mark.parametrize(("ask", "work"), [(World.channel, CHANNELS), (World.query, QUERIES)])
def test_what_a_query_took_whose_rows_are_gone_is_not_forgotten(
    world: World, ask: Callable[[World], Any], work: Work
) -> None:
    world.data.losses = 1
    world.engine.spent = Spent(3.0, 2.0, 1.0)
    record = ask(world)
    forget = world.engine.forget

    def forget_and_be_quicker(query_id: str) -> None:
        forget(query_id)
        world.engine.spent = Spent(1.0, 1.0, 1.0)

    world.engine.forget = forget_and_be_quicker  # type: ignore[method-assign]
    assert after_all(world, work, record).status in {"ACTIVE", "SUCCESS"}
    with world.store.reading() as tx:
        entries = tx.usage.all(resource_id=record.id, kind=UsageKind.QUERY)
    assert [entry.spent for entry in entries] == [Spent(3.0, 2.0, 1.0)]


def test_a_training_is_not_started_on_a_channel_whose_rows_are_gone(world: World) -> None:
    channel = world.ready_channel()
    world.data.erase(DataRef(DataKind.CHANNEL, channel.id))
    model = after_all(world, MODELS, world.model(channels=(channel,)))
    assert (model.status, model.status_code) == ("CREATE_FAILED", "ChannelUnavailable")
    assert "Make the channel again" in model.status_message
    assert world.runtime.started == []


@pytest.mark.parametrize(
    ("gone", "code"), [(DataKind.CHANNEL, "ChannelUnavailable"), (DataKind.ARTEFACT, "ModelUnavailable")]
)
def test_an_inference_job_is_not_started_on_what_is_gone(world: World, gone: DataKind, code: str) -> None:
    job = world.inference_job()
    channel = job.ml_input_channel_arn.rsplit("/", 1)[-1]
    world.data.erase(DataRef(gone, channel) if gone is DataKind.CHANNEL else model_archive(job.trained_model_id))
    started = len(world.runtime.started)
    job = after_all(world, JOBS, job)
    assert (job.status, job.status_code) == ("CREATE_FAILED", code)
    assert len(world.runtime.started) == started


def test_a_layout_is_kept_before_it_is_trained_on(world: World) -> None:
    resources = {"instanceType": "ml.m5.large", "volumeSizeInGB": 1, "instanceCount": 2}
    model = world.model(resource_config=resources)
    channel = model.data_channels[0]["mlInputChannelArn"].rsplit("/", 1)[-1]
    world.data.told_to_keep.clear()
    sharded = ({**model.data_channels[0], "s3DataDistributionType": Distribution.SHARDED_BY_S3_KEY.value},)
    with world.store.transaction() as tx:
        tx.trained_models.note(model, actor="test", at=world.clock(), data_channels=sharded)
    real = world.runtime.start

    def start(run: Any) -> None:
        assert world.data.told_to_keep == [DataRef(DataKind.LAYOUT, channel, "2")]
        real(run)

    world.runtime.start = start  # type: ignore[method-assign]
    assert after_all(world, MODELS, model).status == "ACTIVE"


def test_checkpoints_of_a_dead_attempt_are_kept_before_the_next_one_starts(world: World) -> None:
    world.runtime.deaths = [RunEnd(EndReason.MACHINE, "No memory.", started_at_ms=1_000, ended_at_ms=2_000)]
    starts: list[int] = []
    real = world.runtime.start
    model = world.model()
    checkpoints = DataRef(DataKind.CHECKPOINT, model.id)

    def start(run: Any) -> None:
        starts.append(world.data.told_to_keep.count(checkpoints))
        real(run)

    world.runtime.start = start  # type: ignore[method-assign]
    assert after_all(world, MODELS, model).status == "ACTIVE"
    assert starts == [0, 1]
