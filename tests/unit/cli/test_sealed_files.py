"""Commands on a folder whose files are sealed, in the folder or in S3."""

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
from whiteroom.data.sealed import memory as memory_of_machines
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.runs import EndReason, RunEnd
from whiteroom.ports.store import Work
from whiteroom.settings_loading import load_settings


@pytest.fixture(params=["in the folder", "in S3"])
def location(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "in the folder":
        return ""
    moto = request.getfixturevalue("moto")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    bucket = f"sealed-{uuid.uuid4().hex}"
    boto3.client("s3", endpoint_url=moto, region_name="us-east-1").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/room"


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "memory"


@pytest.fixture
def kept(
    location: str, memory: Path, tmp_path: Path, cli: CommandLine, world: World, monkeypatch: pytest.MonkeyPatch
) -> World:
    """A world whose files are sealed, as a server on the folder has them; any folder is taken for one in memory."""
    variables = {
        "WHITEROOM_FILES": "sealed",
        "WHITEROOM_MEMORY_FOLDER": str(memory),
        "WHITEROOM_MASTER_KEY": str(tmp_path / "state" / "master.key"),
        "WHITEROOM_DATA_LOCATION": location,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(memory_of_machines, "problem_of", lambda *_: "")
    settings = load_settings(cli.data, variables)
    data: Any = open_data(settings, frozenset, world.store)
    for one in (world, world.runtime, world.engine, world.synthesiser, world.layouts):
        setattr(one, "_data" if one is world.layouts else "data", data)
    return world


def test_what_a_training_saved_that_ran_too_long_is_opened_and_fetched(
    cli: CommandLine, kept: World, memory: Path, tmp_path: Path
) -> None:
    kept.runtime.end = RunEnd(EndReason.MAX_RUNTIME)
    record_id = kept.model().id
    kept.drive()
    shutil.rmtree(memory)
    memory.mkdir(mode=0o700)
    model = kept.get(Work.TRAINED_MODELS, record_id)
    copies = cli("partial", model.arn, "--to", str(tmp_path / "to"), "--json").json["copies"]
    assert [Path(copy).name for copy in copies] == ["model.tar.gz", "output.tar.gz"]
    with tarfile.open(copies[0]) as archive:
        assert archive.getnames()


def test_a_backup_has_what_is_sealed_in_the_folder_and_lists_what_is_lost(
    cli: CommandLine, kept: World, location: str, tmp_path: Path
) -> None:
    channel, lost, model = kept.ready_channel(), kept.ready_channel(), kept.ready_model()
    kept.data.erase(DataRef(DataKind.CHANNEL, lost.id))
    answer = cli("backup", str(tmp_path / "backup"))
    assert answer.code == 0, answer.err
    assert f"LOST  The channel of channel {lost.name} was erased before it was copied." in answer.out
    assert answer.out.count("LOST") == 1
    found = {path.relative_to(tmp_path / "backup/files/sealed").as_posix() for path in manifests(tmp_path)}
    wanted = {f"manifests/channel/{channel.id}", f"manifests/artefact/{model.id}"}
    assert wanted <= found if not location else not found


def manifests(tmp_path: Path) -> list[Path]:
    return [*(tmp_path / "backup/files/sealed/manifests").glob("*/*")]


def test_the_doctor_says_that_files_are_sealed(cli: CommandLine, kept: World) -> None:
    kept.ready_model()
    found = {one["name"]: one for one in cli("doctor", "--json").json["findings"]}
    assert found["files"] == {
        **found["files"],
        "ok": True,
        "detail": "Rows, models and checkpoints are kept sealed.",
    }
