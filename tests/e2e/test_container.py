"""The container image, built as its file says: it serves, trains and delivers with the rights of the compose file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from contract.runtime import engine as engines
from e2e.test_story import HERE, write_tables
from support import containers
from support.containers import Contained
from support.live import once
from support.real import cannot_run
from whiteroom.demo import buckets
from whiteroom.demo.story import AIRLINE, IMAGE, LAB, NAMES, WEATHER, Outcome, Story

pytestmark = [pytest.mark.slow, pytest.mark.services]

USER = 10001
PATIENT = """#!/usr/bin/env python
import time
from pathlib import Path

begun = Path("/opt/ml/checkpoints/begun")
if not begun.exists():
    begun.touch()
    print("begun", flush=True)
    time.sleep(3600)
print("gone on")
Path("/opt/ml/model/model.json").write_text("{}")
"""
"""Trains for an hour, but where it has begun before."""


@dataclass(frozen=True)
class Told:
    """The story, what came of it, and how its laboratory reaches the server."""

    story: Story
    outcome: Outcome
    fetched: Path
    lab: Mapping[str, str]


@pytest.fixture(scope="module")
def contained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contained]:
    given = tmp_path_factory.mktemp("given")
    shutil.copytree(HERE / "algorithm", given / "algorithm")
    (given / "requirements.txt").write_text("numpy\n")
    (given / "patient").mkdir()
    (given / "patient" / "train").write_text(PATIENT)
    for path in (given, given / "patient" / "train"):
        path.chmod(0o755)  # whoever the server is in the container
    with engines.engine() as (socket, problem):
        if not socket:
            cannot_run(problem)
        containers.build(socket)
        with containers.server(socket, given) as one:
            yield one
        engines.remove(socket, containers.IMAGE)


@pytest.fixture(scope="module")
def told(contained: Contained, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The demo's story in small, with tables and results in the S3 that comes along."""
    keys = {account: json.loads(contained("whiteroom", "accounts", "add", account, "--json")) for account in NAMES}
    wanted = ("--requirements", "/given/requirements.txt")
    contained("whiteroom", "images", "build", IMAGE, "/given/algorithm", *wanted)
    s3 = {account: client(contained.announced["s3"], "s3", key) for account, key in keys.items()}
    tables = tmp_path_factory.mktemp("tables") / "tables"
    for owner, table in zip((AIRLINE, WEATHER), write_tables(tables), strict=True):
        place = buckets.put(s3[owner], owner, table)
        contained("whiteroom", "catalog", "add", "--account", owner, f"nyc.{table.stem}", place)
    url = contained.announced["url"]
    story = Story(lambda service, account: client(url, service, keys[account]), print, LAB)
    outcome = story.run()
    fetched = buckets.fetch(s3[LAB], LAB, "results/", tmp_path_factory.mktemp("fetched"))
    return Told(story, outcome, fetched, keys[LAB])


def client(url: str, service: str, key: Mapping[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key["accessKeyId"],
        aws_secret_access_key=key["secretAccessKey"],
    )


def test_three_organisations_train_infer_and_export_in_the_container(told: Told) -> None:
    assert len(told.outcome.trained) == 3
    assert len(list(told.fetched.rglob("*.out"))) == 3
    assert [file.name for file in told.fetched.rglob("*.tar.gz")] == ["model.tar.gz"]


def test_programs_are_isolated_in_it_and_what_it_cannot_limit_is_what_the_page_says(contained: Contained) -> None:
    code, printed = contained.ended("whiteroom", "doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(printed)["findings"]}
    assert findings["sandbox"]["ok"]
    assert findings["seccomp"]["ok"]
    page = (containers.ROOT / "docs" / "install.md").read_text()
    lacking = {name for name, finding in findings.items() if not finding["ok"] and not finding["is_absent"]}
    assert code == (1 if lacking else 0)
    assert lacking <= {"limit: memory", "limit: pids", "limit: cpu"}
    assert "No control group can be made in a container" in page


def test_without_these_rights_no_program_runs_and_doctor_names_them(contained: Contained) -> None:
    report = json.loads(containers.without_rights(contained, "doctor", "--json"))
    assert not report["sandboxUsable"]
    (sandbox,) = (finding for finding in report["findings"] if finding["name"] == "sandbox")
    for option in containers.SERVICE["security_opt"]:
        assert option.replace("../", "deploy/") in f"{sandbox['remedy']} no-new-privileges"


def test_nobody_in_it_is_root_and_nothing_of_the_image_can_be_written(contained: Contained) -> None:
    status = dict(line.split(":\t", 1) for line in contained("cat", "/proc/1/status").splitlines() if ":\t" in line)
    assert status["Uid"].split() == [str(USER)] * 4
    assert (status["CapEff"], status["CapBnd"]) == ("0" * 16, "0" * 16)
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    for place in ("/opt/whiteroom", "/usr", "/"):
        assert contained.ended("touch", f"{place}/mine")[0] != 0
    assert {contained("stat", "--format", "%u %a", place).strip() for place in ("/data", "/state")} == {f"{USER} 700"}


@pytest.mark.usefixtures("told")
def test_the_master_key_is_alone_where_it_is_and_nowhere_else(contained: Contained) -> None:
    assert contained("find", "/state", "-type", "f").split() == ["/state/whiteroom/master.key"]
    assert contained("find", "/data", "-name", "master.key") == ""


def test_the_health_check_fails_where_no_server_answers(contained: Contained) -> None:
    code, _ = contained.ended("env", "WHITEROOM_DATA=/nowhere", "python", "/opt/whiteroom/healthy.py")
    assert code != 0


def test_a_training_that_ran_when_the_container_ended_goes_on_from_its_checkpoints_in_the_next(
    contained: Contained, told: Told
) -> None:
    contained("whiteroom", "images", "build", IMAGE, "/given/patient")
    membership, ml = told.story.membership[LAB], told.story.ml[LAB]
    (channel,) = (
        one["mlInputChannelArn"]
        for one in ml.list_ml_input_channels(membershipIdentifier=membership)["mlInputChannelsList"]
        if one["name"] == "december"
    )
    model = ml.create_trained_model(
        membershipIdentifier=membership,
        name="patient",
        configuredModelAlgorithmAssociationArn=told.story.algorithm,
        resourceConfig={"instanceType": "ml.m5.xlarge", "volumeSizeInGB": 1},
        dataChannels=[{"mlInputChannelArn": channel, "channelName": "train"}],
    )["trainedModelArn"]
    once(lambda lines: "begun" in lines, lambda: contained.ended("whiteroom", "logs", model)[1])
    containers.restart(contained)
    later = client(contained.announced["url"], "cleanroomsml", told.lab)
    once(
        lambda status: status == "ACTIVE",
        lambda: later.get_trained_model(membershipIdentifier=membership, trainedModelArn=model)["status"],
    )
    assert "gone on" in contained("whiteroom", "logs", model)
