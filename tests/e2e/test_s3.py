"""The main job with its data in S3: it goes on where the server is killed and everything that is kept is elsewhere."""

from __future__ import annotations

import shutil
import tarfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from support.live import MOVING, LiveRoom, begun, once

pytestmark = pytest.mark.slow

MODES = ("File", "FastFile", "Pipe")
EXPORTS = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 0.1}, "filesToExport": ["MODEL"]}}


class Bucket:
    """The bucket that the server keeps its data in."""

    def __init__(self, url: str) -> None:
        self.name = f"whiteroom-{uuid.uuid4().hex}"
        self.environment = {
            "AWS_ENDPOINT_URL_S3": url,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        self.client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
        self.client.create_bucket(Bucket=self.name)

    def names(self) -> list[str]:
        """Every object below the server's prefix."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix="room/")
        return [item["Key"].removeprefix("room/") for page in pages for item in page.get("Contents", ())]


@pytest.fixture(scope="module")
def bucket(moto: str) -> Bucket:
    return Bucket(moto)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, bucket: Bucket) -> Iterator[LiveRoom]:
    data = tmp_path_factory.mktemp("s3") / "data"
    data.mkdir(mode=0o700)
    (data / "whiteroom.toml").write_text(f'data = "s3://{bucket.name}/room"\n')
    with begun(LiveRoom(data=data, environment=bucket.environment)) as room:
        room.association_arn = room.association(name="exportable", policies=EXPORTS)
        yield room
        room.assert_nothing_left()


def restart_elsewhere(room: LiveRoom) -> None:
    """kill -9, and the next server finds nothing here of what is kept."""
    room.kill()
    shutil.rmtree(room.data / "cache")
    room.start()


@pytest.fixture(scope="module")
def rows(room: LiveRoom) -> str:
    arn = room.channel("rows")
    room.restart()  # in the middle
    assert room.finished(arn)["numberOfRecords"] == 20
    return arn


def trained(room: LiveRoom, name: str, channel: str, **changes: Any) -> str:
    """A model that learns at once; its ARN."""
    return str(
        room.model(
            name,
            dataChannels=[{"mlInputChannelArn": channel, "channelName": "train"}],
            resourceConfig={"instanceType": "ml.t3.medium", "volumeSizeInGB": 1},
            **changes,
        )["trainedModelArn"]
    )


def exported_rows(room: LiveRoom, name: str, model: str) -> int:
    """How many rows the model has learnt of, as its receiver finds."""
    room.export(name, model)
    assert room.exported(name, model)["status"] == "ACTIVE"
    (path,) = (path for path in room.deliveries() if f"/{name}/" in path)
    with tarfile.open(room.data / "objects" / "alice" / path) as archive:
        file = archive.extractfile("rows")
        assert file is not None
        return int(file.read())


def test_every_input_mode_reads_what_is_brought_and_a_model_goes_on_from_one_that_is_elsewhere(
    room: LiveRoom, rows: str
) -> None:
    restart_elsewhere(room)
    models = {mode: trained(room, f"learns-{mode}", rows, trainingInputMode=mode) for mode in MODES}
    for model in models.values():
        room.finished(model)
    restart_elsewhere(room)
    incremental = [{"trainedModelArn": models["File"], "channelName": "base"}]
    behaviour = {"behaviour": "go_on"}
    after = trained(room, "after", rows, incrementalTrainingDataChannels=incremental, hyperparameters=behaviour)
    once(lambda seen: not seen["status"].endswith(MOVING), lambda: look_at_latest(room, after))
    restart_elsewhere(room)
    assert [exported_rows(room, f"export-{mode}", model) for mode, model in models.items()] == [40, 20, 20]


def look_at_latest(room: LiveRoom, arn: str) -> Any:
    seen = room.look(arn)
    assert seen["status"] != "CREATE_FAILED", seen
    return seen


def test_an_inference_job_is_served_a_model_and_rows_that_are_elsewhere(room: LiveRoom, rows: str) -> None:
    model = trained(room, "served", rows)
    room.finished(model)
    restart_elsewhere(room)
    room.finished(room.infer("served", model, rows))
    (path,) = (path for path in room.deliveries() if "/served/" in path)
    lines = (room.data / "objects" / "alice" / path).read_text().splitlines()
    assert lines == [str(number) for number in range(1, 21)]


def test_a_training_that_ended_while_no_server_ran_is_kept_by_the_next(
    room: LiveRoom, rows: str, bucket: Bucket
) -> None:
    model = room.train("ended-alone", rows, behaviour="count", ticks="25")
    once(lambda lines: "tick 5" in lines, lambda: room.printed(model))
    room.kill()
    once(lambda lines: "done" in lines, lambda: room.printed(model))
    shutil.rmtree(room.data / "cache")
    room.start()
    room.finished(model)
    assert room.events(model) == ["created", "started", "succeeded"]
    assert exported_rows(room, "export-ended-alone", model) == 20


def test_what_is_deleted_is_gone_from_s3(room: LiveRoom, bucket: Bucket) -> None:
    rows = room.channel("deleted")
    room.finished(rows)
    model = trained(room, "deleted", rows)
    room.finished(model)
    channel = rows.rsplit("/", 1)[-1]
    assert [key for key in bucket.names() if channel in key]
    before = bucket.names()
    room.call("DeleteTrainedModelOutput", trainedModelArn=model)
    room.call("DeleteMLInputChannelData", mlInputChannelArn=rows)
    once(lambda keys: not [key for key in keys if channel in key], bucket.names)
    once(lambda keys: len([key for key in keys if "artefact" in key]) < artefacts_in(before), bucket.names)


def artefacts_in(keys: list[str]) -> int:
    return len([key for key in keys if "artefact" in key])


def test_nothing_that_is_kept_lies_in_the_folder_itself(room: LiveRoom) -> None:
    assert not [path for name in ("channels", "artefacts", "results") for path in (room.data / name).rglob("*")]
    assert Path(room.data / "data.json").exists()
