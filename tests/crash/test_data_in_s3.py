"""Whatever moment the server dies at, and with everything gone from its machine that is kept in S3: work goes on."""

from __future__ import annotations

import shutil
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from crash.points import POINTS
from support.failpoints import crash_at
from support.faulty import faulty
from support.worlds.driven import World
from whiteroom.base.locations import Location
from whiteroom.data.s3.bucket import Bucket
from whiteroom.data.s3.data import S3Data
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.runs import EndReason, RunEnd
from whiteroom.ports.store import Work
from whiteroom.reads.data_at_work import ids_at_work

LOST = RunEnd(EndReason.LOST, "It was killed.", started_at_ms=1_000, ended_at_ms=2_000)


class DeliveringData(S3Data):
    """Delivers to folders, as the server does."""

    def deliver(self, *asked: Any) -> None:
        self.here.deliver(*asked)


def put_in_s3(world: World, url: str) -> Any:
    """Have the world's data in a bucket; answers what is in it."""
    secrets = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    once = Config(retries={"total_max_attempts": 1})
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", config=once, **secrets)
    name = f"crash-{uuid.uuid4().hex}"
    client.create_bucket(Bucket=name)
    bucket = Bucket(lambda: client, Location(name, ()), "server-1")
    data = DeliveringData(world.tmp, bucket, 10**9, lambda: ids_at_work(world.store))
    for one in (world, world.runtime, world.engine, world.synthesiser, world.layouts):
        setattr(one, "_data" if one is world.layouts else "data", data)
    return lambda: {item["Key"] for item in client.list_objects_v2(Bucket=name).get("Contents", ())}


@pytest.fixture
def keys(moto: str, world: World) -> Any:
    """The world's data is in a bucket; answers what is in it."""
    return put_in_s3(world, moto)


def drive(world: World, point: str, visit: int) -> None:
    """Until nothing is due. The crash takes along what is on the machine of what is kept, or was to be."""
    cache = world.tmp / "cache"
    world.drive(world.reconciler(crash_at(point, visit)), at_crash=lambda: shutil.rmtree(cache, ignore_errors=True))
    world.reconciler().sweep()


def named(keys: set[str], kind: str) -> int:
    return len([key for key in keys if key.startswith(f"manifests/{kind}/")])


@pytest.mark.parametrize("visit", range(1, 10))
@pytest.mark.parametrize("point", POINTS)
def test_a_model_is_trained_served_and_exported(world: World, keys: Any, point: str, visit: int) -> None:
    channel = world.channel()
    drive(world, point, visit)
    assert world.get(Work.ML_INPUT_CHANNELS, channel.id).status == "ACTIVE"
    channel = world.get(Work.ML_INPUT_CHANNELS, channel.id)
    world.runtime.deaths = [LOST]
    model = world.model(channels=(channel,))
    drive(world, point, visit)
    model = world.get(Work.TRAINED_MODELS, model.id)
    assert (model.status, model.retries) == ("ACTIVE", 1)
    job, export = world.inference_job(model=model, channel=channel), world.export_job(model=model)
    drive(world, point, visit)
    assert world.get(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id).status == "ACTIVE"
    assert world.get(Work.TRAINED_MODEL_EXPORT_JOBS, export.id).status == "ACTIVE"
    delivered = [file.name for file in (world.tmp / "objects").rglob("*") if file.is_file()]
    assert sorted(delivered) == ["model.tar.gz", "output.tar.gz", "part-0.csv.out"]
    left = keys()
    assert [named(left, kind) for kind in ("channel", "artefact", "result", "checkpoint", "base-model")] == [
        1,
        1,
        0,
        0,
        0,
    ]
    assert len([key for key in left if key.startswith("objects/")]) <= 4  # what is named, and what the crash left
    assert not Path(world.tmp / "channels").exists()


@pytest.mark.parametrize("visit", range(1, 6))
@pytest.mark.parametrize("point", POINTS)
def test_a_query_is_delivered(world: World, keys: Any, point: str, visit: int) -> None:
    query = world.query()
    drive(world, point, visit)
    assert world.get(Work.PROTECTED_QUERIES, query.id).status == "SUCCESS"
    assert [file.name for file in (world.tmp / "objects").rglob("part-0.csv")] == ["part-0.csv"] * 2
    assert keys() == {"whiteroom.json"}
    assert world.data.held(DataKind.RESULT) == []


def test_rows_that_a_crash_took_along_before_they_were_kept_are_asked_for_again(world: World, keys: Any) -> None:
    channel = world.channel()
    observe = world.engine.observe

    def forgetful(query_id: str) -> Any:
        seen = observe(query_id)
        if seen.result is not None and len(world.engine.started) == 1:
            shutil.rmtree(world.tmp / "cache")
        return seen

    world.engine.observe = forgetful  # type: ignore[method-assign]
    world.drive()
    assert world.get(Work.ML_INPUT_CHANNELS, channel.id).status == "ACTIVE"
    assert len(world.engine.started) == 2
    assert named(keys(), "channel") == 1


def test_a_layout_is_made_once_for_all_machines(world: World, keys: Any) -> None:
    channel = world.channel()
    world.drive()
    resources = {"instanceType": "ml.m5.large", "volumeSizeInGB": 1, "instanceCount": 2}
    channel = world.get(Work.ML_INPUT_CHANNELS, channel.id)
    for _ in range(2):
        shutil.rmtree(world.tmp / "cache")
        model = world.model(channels=(channel,), resource_config=resources)
        sharded = ({**model.data_channels[0], "s3DataDistributionType": "ShardedByS3Key"},)
        with world.store.transaction() as tx:
            tx.trained_models.note(model, actor="test", at=world.clock(), data_channels=sharded)
        world.drive()
        assert world.get(Work.TRAINED_MODELS, model.id).status == "ACTIVE"
        layout = DataRef(DataKind.LAYOUT, channel.id, "2")
        assert len(list(Path(world.data.path(layout)).iterdir())) == 2
    assert world.layouts.made == [layout]
    assert named(keys(), "layout") == 1


def test_work_waits_while_the_store_gives_no_answer_and_goes_on_with_what_it_has(
    world: World, moto: str, caplog: pytest.LogCaptureFixture
) -> None:
    with faulty(moto) as store:
        put_in_s3(world, store.url)
        channel = world.channel()
        store.fault = lambda _request: "503"
        reconciler = world.reconciler()
        while len(told := [one.message for one in caplog.records if "waits (tried" in one.message]) < 5:
            reconciler.step("worker")
            world.clock.now += timedelta(minutes=2)
        assert "tried 5 times): What the server keeps in S3 cannot be used: s3:PutObject on s3://crash-" in told[-1]
        assert world.get(Work.ML_INPUT_CHANNELS, channel.id).status == "CREATE_IN_PROGRESS"
        store.fault = lambda _request: ""
        world.drive(reconciler)
    assert world.get(Work.ML_INPUT_CHANNELS, channel.id).status == "ACTIVE"
    assert len(world.engine.started) == 1
