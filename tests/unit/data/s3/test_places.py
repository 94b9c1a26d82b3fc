from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from whiteroom.base.machine_errors import Trouble
from whiteroom.data.folder import FolderData
from whiteroom.data.s3.data import OUTLIVING, S3Data
from whiteroom.data.s3.places import AnotherPlace, open_place, place_of, require_place, settle, try_out
from whiteroom.domain.execution.data import DataKind, DataRef

BUCKET = "places"
ONE, OTHER = "s3://places/one", "s3://places/other"


@dataclass(frozen=True)
class Chosen:
    data: Path
    data_location: str
    cache_bytes: int = 10**9
    region: str = "us-east-1"
    aws_profile: str = ""


@pytest.fixture
def s3(moto: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    client = boto3.client("s3", endpoint_url=moto, region_name="us-east-1")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def prefix() -> str:
    return f"s3://{BUCKET}/{uuid.uuid4().hex}"


@pytest.mark.parametrize("kind", sorted(OUTLIVING))
def test_a_folder_with_data_of_its_own_is_refused_another_place_and_loses_nothing(
    tmp_path: Path, kind: DataKind
) -> None:
    file = Path(FolderData(tmp_path).path(DataRef(kind, "c", "a")))
    file.parent.mkdir(parents=True)
    file.write_text("rows")
    for look in (require_place, settle):
        with pytest.raises(AnotherPlace, match=rf"has data of its own.*{kind} c.*Leave out the setting data"):
            look(tmp_path, ONE)
    assert file.read_text() == "rows"
    assert place_of(tmp_path) is None
    assert isinstance(open_place(Chosen(tmp_path, ""), frozenset), FolderData)


@pytest.mark.parametrize("later", ["", OTHER, "s3://places"])
def test_data_that_is_elsewhere_than_the_settings_say_is_not_taken_for_lost(tmp_path: Path, later: str) -> None:
    place = settle(tmp_path, ONE)
    for look in (require_place, settle):
        with pytest.raises(AnotherPlace, match=rf"is at {ONE}, and its settings say"):
            look(tmp_path, later)
        assert look(tmp_path, ONE) == look(tmp_path, f"{ONE}/") == place


def test_a_folder_that_says_nothing_is_written_to_by_its_server_alone(tmp_path: Path) -> None:
    assert require_place(tmp_path, ONE) is None
    assert require_place(tmp_path, "") is settle(tmp_path, "") is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "{", "[]", '{"location": "s3://places/one"}'])
def test_a_note_of_the_place_that_is_broken_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "data.json").write_text(text)
    with pytest.raises(AnotherPlace, match=r"data\.json is broken, which says where the data is\. Restore it"):
        require_place(tmp_path, ONE)


def test_another_server_does_not_start_on_the_same_prefix(s3: Any, tmp_path: Path, prefix: str) -> None:
    first = tmp_path / "first"
    first.mkdir()
    open_place(Chosen(first, prefix), frozenset)
    open_place(Chosen(first, prefix), frozenset)  # after a restart
    second = tmp_path / "second"
    second.mkdir()
    with pytest.raises(AnotherPlace, match=r"another server keeps its data.*a prefix of its own"):
        open_place(Chosen(second, prefix), frozenset)


def test_a_folder_that_is_put_on_another_machine_goes_on_with_its_data(s3: Any, tmp_path: Path, prefix: str) -> None:
    first, ref = tmp_path / "first", DataRef(DataKind.CHANNEL, "c", "a")
    first.mkdir()
    data = open_place(Chosen(first, prefix), frozenset)
    Path(data.path(ref)).parent.mkdir(parents=True)
    Path(data.path(ref)).write_text("rows")
    assert data.keep(DataRef(ref.kind, ref.id))
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "data.json").write_text((first / "data.json").read_text())
    again = open_place(Chosen(moved, prefix), frozenset)
    assert again.bring(DataRef(ref.kind, ref.id))
    assert Path(again.path(ref)).read_text() == "rows"


@pytest.mark.parametrize(
    ("location", "variables", "told"),
    [
        ("s3://places-that-are-none/x", {}, "NoSuchBucket"),
        (ONE, {"AWS_PROFILE": "of-nobody"}, "of-nobody"),
    ],
)
def test_a_server_that_is_refused_does_not_start(
    s3: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    location: str,
    variables: dict[str, str],
    told: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(AnotherPlace, match=told):
        open_place(Chosen(tmp_path, location), frozenset)


def test_a_profile_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(AnotherPlace, match="There is no AWS profile 'of-nobody'"):
        open_place(Chosen(tmp_path, ONE, aws_profile="of-nobody"), frozenset)


def test_a_server_starts_though_the_store_gives_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    data = open_place(Chosen(tmp_path, ONE), frozenset)
    assert isinstance(data, S3Data)
    assert "The server starts all the same, and its steps wait: What the server keeps in S3 cannot" in caplog.text
    with pytest.raises(Trouble, match="got no answer"):
        data.held(DataKind.CHANNEL)


def test_what_doctor_tries_leaves_nothing_behind(s3: Any, tmp_path: Path, prefix: str) -> None:
    assert try_out(Chosen(tmp_path, prefix)) == f"{prefix}/ can be written, read, listed and deleted from."
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix.rpartition("/")[2])
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_keeps_what_is_erased_is_told(s3: Any, tmp_path: Path) -> None:
    s3.create_bucket(Bucket="places-versioned")
    s3.put_bucket_versioning(Bucket="places-versioned", VersioningConfiguration={"Status": "Enabled"})
    with pytest.raises(Trouble, match="keeps versions, so that what is erased is not gone"):
        try_out(Chosen(tmp_path, "s3://places-versioned/x"))
