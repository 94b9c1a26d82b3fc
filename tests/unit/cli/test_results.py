"""What the operator is shown of deliveries, and copies out: whole or not at all, and through no link."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from support.command import Answer, CommandLine
from support.fake_data import RiggedData
from support.worlds.driven import World
from support.worlds.records import ROOM
from support.worlds.requests import ALICE, BOB

CONTENTS = {"a.csv.out": b"1\n", "b.csv.out": b"2" * 3_000_000}


@pytest.fixture
def delivered(cli: CommandLine, world: World) -> dict[str, Any]:
    """The result of an inference job, of two files, as `list` tells it; BOB has it."""
    world.data = world.runtime.data = RiggedData(cli.data)
    job = world.inference_job()
    world.runtime.leaves = {f"output/{name}": data for name, data in CONTENTS.items()}
    world.drive()
    (result,) = cli("results", "list", "--json").json
    assert result["job"] == job.name
    told: dict[str, Any] = result
    return told


def folder_of(cli: CommandLine, result: dict[str, Any]) -> Path:
    return cli.data / "objects" / str(result["location"]).removeprefix("s3://")


def assert_nothing_beside(target: Path) -> None:
    assert not target.exists()
    assert not target.parent.exists() or list(target.parent.iterdir()) == []


def refused(answer: Answer, *words: str) -> None:
    assert answer.code == 1
    assert all(word in answer.err for word in words), answer.err
    assert answer.err.rstrip().endswith(".")


def test_a_result_is_shown_with_whose_it_is_where_it_lies_and_what_is_in_it(
    cli: CommandLine, delivered: dict[str, Any]
) -> None:
    assert (delivered["accountId"], delivered["askedBy"], delivered["collaborationId"]) == (BOB, ALICE, ROOM)
    assert delivered["kind"] == "TRAINED_MODEL_INFERENCE_JOB"
    assert delivered["files"] == [
        {"name": name, "sizeBytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in CONTENTS.items()
    ]
    assert delivered["sizeBytes"] == 3_000_002
    assert delivered["deliveredTime"].endswith("+00:00")
    out = cli("results", "list").out
    assert all(text in out for text in (delivered["id"], BOB, ROOM, delivered["location"], "3,000,002"))


@pytest.mark.parametrize(
    ("option", "value", "shown"),
    [("--account", BOB, 1), ("--account", ALICE, 0), ("--collaboration", ROOM, 1), ("--collaboration", "other", 0)],
)
def test_a_list_is_of_an_account_or_of_a_collaboration(
    cli: CommandLine, delivered: dict[str, Any], option: str, value: str, shown: int
) -> None:
    assert len(cli("results", "list", option, value, "--json").json) == shown


def test_where_nothing_was_delivered_that_is_said(cli: CommandLine, world: World) -> None:
    assert cli("results", "list", "--json").json == []
    assert "Nothing has been delivered." in cli("results", "list").err


def test_a_result_is_copied_whole(cli: CommandLine, delivered: dict[str, Any], tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder"
    answer = cli("results", "get", delivered["id"], "--to", str(target), "--json").json
    assert answer["copies"] == [str(target / name) for name in CONTENTS]
    assert {file.name: file.read_bytes() for file in target.iterdir()} == CONTENTS
    assert [entry.name for entry in target.parent.iterdir()] == ["folder"]


def test_one_file_of_a_result_is_copied(cli: CommandLine, delivered: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer = cli("results", "get", delivered["id"], "a.csv.out", "--to", str(tmp_path / "empty"))
    assert BOB in answer.out
    assert [file.name for file in (tmp_path / "empty").iterdir()] == ["a.csv.out"]


def test_nothing_is_copied_over_anything(cli: CommandLine, delivered: dict[str, Any], tmp_path: Path) -> None:
    full, link, file = tmp_path / "full", tmp_path / "link", tmp_path / "file"
    full.mkdir()
    (full / "mine").touch()
    (tmp_path / "elsewhere").mkdir()
    link.symlink_to("elsewhere")
    file.touch()
    for target in (full, link, file):
        refused(cli("results", "get", delivered["id"], "--to", str(target)), "is there already", "--to")
    assert [entry.name for entry in full.iterdir()] == ["mine"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["c.csv.out", "../a.csv.out", "/etc/passwd", ""])
def test_a_file_that_a_result_has_not_is_named_beside_those_that_it_has(
    cli: CommandLine, delivered: dict[str, Any], tmp_path: Path, name: str
) -> None:
    refused(cli("results", "get", delivered["id"], name, "--to", str(tmp_path / "x")), "a.csv.out, b.csv.out")
    assert_nothing_beside(tmp_path / "x" / "y")


def test_a_result_that_is_not_there_is_told(cli: CommandLine, world: World, tmp_path: Path) -> None:
    refused(cli("results", "get", "nowhere", "--to", str(tmp_path / "x")), "results list")


def test_a_link_in_the_data_folder_is_not_followed(cli: CommandLine, delivered: dict[str, Any], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"3" * 3_000_000)
    at = folder_of(cli, delivered) / "b.csv.out"
    at.unlink()
    at.symlink_to(secret)
    target = tmp_path / "copies" / "of"
    refused(cli("results", "get", delivered["id"], "--to", str(target)), "b.csv.out", "Nothing was copied")
    assert_nothing_beside(target)


def test_a_file_that_is_not_what_was_delivered_is_not_copied_nor_any_beside_it(
    cli: CommandLine, delivered: dict[str, Any], tmp_path: Path
) -> None:
    at = folder_of(cli, delivered) / "b.csv.out"
    at.write_bytes(b"3" * 3_000_000)
    target = tmp_path / "copies" / "of"
    refused(cli("results", "get", delivered["id"], "--to", str(target)), "SHA-256", "Nothing was copied")
    assert_nothing_beside(target)
    os.truncate(at, 5)
    refused(cli("results", "get", delivered["id"], "--to", str(target)), "b.csv.out", "Nothing was copied")
    assert_nothing_beside(target)


def test_what_was_delivered_before_results_went_to_buckets_is_copied_out_of_its_folder(
    cli: CommandLine, delivered: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHITEROOM_BUCKETS", "s3")
    target = tmp_path / "copies" / "of"
    assert cli("results", "get", delivered["id"], "--to", str(target)).code == 0
    assert {file.name for file in target.iterdir()} == {file.name for file in folder_of(cli, delivered).iterdir()}


def test_what_lies_in_a_receivers_own_bucket_is_fetched_there(
    cli: CommandLine, delivered: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHITEROOM_BUCKETS", "s3")
    target = tmp_path / "copies" / "of"
    shutil.rmtree(folder_of(cli, delivered))
    refused(cli("results", "get", delivered["id"], "--to", str(target)), "receiver's own bucket", "docs/s3.md")
    assert_nothing_beside(target)
