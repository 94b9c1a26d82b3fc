"""Commands on a folder whose data is in S3."""

from __future__ import annotations

import shutil
import tarfile
import uuid
from pathlib import Path
from typing import Any

import boto3
import pytest

from support.command import CommandLine
from support.worlds.driven import World
from whiteroom.app import open_data
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.runs import EndReason, RunEnd
from whiteroom.ports.store import Work
from whiteroom.settings_loading import load_settings


@pytest.fixture
def place(moto: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the data is, which the settings' environment says too."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    bucket = f"commands-{uuid.uuid4().hex}"
    boto3.client("s3", endpoint_url=moto, region_name="us-east-1").create_bucket(Bucket=bucket)
    monkeypatch.setenv("WHITEROOM_DATA_LOCATION", f"s3://{bucket}/room")
    return f"s3://{bucket}/room"


@pytest.fixture
def kept(place: str, cli: CommandLine, world: World) -> World:
    """A world whose data is there."""
    data: Any = open_data(load_settings(cli.data, {"WHITEROOM_DATA_LOCATION": place}), frozenset)
    for one in (world, world.runtime, world.engine, world.synthesiser, world.layouts):
        setattr(one, "_data" if one is world.layouts else "data", data)
    return world


def test_what_a_training_saved_that_ran_too_long_is_fetched_from_there(
    cli: CommandLine, kept: World, tmp_path: Path
) -> None:
    kept.runtime.end = RunEnd(EndReason.MAX_RUNTIME)
    record_id = kept.model().id
    kept.drive()
    shutil.rmtree(cli.data / "cache")
    model = kept.get(Work.TRAINED_MODELS, record_id)
    copies = cli("partial", model.arn, "--to", str(tmp_path / "to"), "--json").json["copies"]
    assert [Path(copy).name for copy in copies] == ["model.tar.gz", "output.tar.gz"]
    with tarfile.open(copies[0]) as archive:
        assert archive.getnames()


def test_a_backup_says_where_the_data_is_and_lists_what_is_lost_there(
    cli: CommandLine, kept: World, place: str, tmp_path: Path
) -> None:
    channel, lost = kept.ready_channel(), kept.ready_channel()
    kept.data.erase(DataRef(DataKind.CHANNEL, lost.id))
    answer = cli("backup", str(tmp_path / "backup"))
    assert answer.code == 0
    assert f"ELSEWHERE  Channels, models and checkpoints are in {place}: back that up too." in answer.out
    assert f"LOST  The channel of channel {lost.name} was erased before it was copied." in answer.out
    assert (tmp_path / "backup/files/data.json").exists()
    assert not list((tmp_path / "backup").rglob("*cache*"))
    assert cli("restore", str(tmp_path / "backup"), "--data", str(tmp_path / "restored")).code in {0, 2}
    assert channel.status == "ACTIVE"


def test_a_folder_whose_data_is_there_is_not_opened_without_it(
    cli: CommandLine, kept: World, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = kept.ready_model()
    monkeypatch.delenv("WHITEROOM_DATA_LOCATION")
    answer = cli("partial", model.arn)
    assert answer.code == 1
    assert f"is at {place}, and its settings say the folder itself: set data to where it is." in answer.err


def test_the_doctor_tries_it_out(cli: CommandLine, kept: World, place: str) -> None:
    found = {one["name"]: one for one in cli("doctor", "--json").json["findings"]}
    assert found["data in S3"]["ok"] is True
    assert found["data in S3"]["detail"] == f"{place}/ can be written, read, listed and deleted from."


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("WHITEROOM_DATA_LOCATION", "s3://commands-to-none/room", "its settings say"),
        ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9", "got no answer"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_it(
    cli: CommandLine, kept: World, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv(variable, value)
    answer = cli("doctor")
    assert answer.code == 1
    assert told in answer.out + answer.err


def test_a_store_that_cannot_be_used_is_told_by_a_command_in_a_sentence(
    cli: CommandLine, kept: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept.runtime.end = RunEnd(EndReason.MAX_RUNTIME)
    record_id = kept.model().id
    kept.drive()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    answer = cli("partial", kept.get(Work.TRAINED_MODELS, record_id).arn)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("Error: What the server keeps in S3 cannot be used: s3:PutObject on s3://commands-")
