"""The container image, built as its file says: it serves, trains and delivers with the rights of the compose file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from contract.runtime import engine as engines
from e2e.test_story import HERE, write_tables
from support import containers
from support.containers import Contained
from support.real import cannot_run
from whiteroom.demo import buckets
from whiteroom.demo.story import AIRLINE, IMAGE, LAB, NAMES, WEATHER, Outcome, Story

pytestmark = [pytest.mark.slow, pytest.mark.services]

USER = 10001


@pytest.fixture(scope="module")
def contained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Contained]:
    given = tmp_path_factory.mktemp("given")
    given.chmod(0o755)  # whoever the server is in the container
    shutil.copytree(HERE / "algorithm", given / "algorithm")
    with engines.engine() as (socket, problem):
        if not socket:
            cannot_run(problem)
        containers.build(socket)
        with containers.server(socket, given) as one:
            yield one
        engines.remove(socket, containers.IMAGE)


@pytest.fixture(scope="module")
def told(contained: Contained, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Path]:
    """The demo's story in small, with tables and results in the S3 that comes along; what was delivered."""
    keys = {account: json.loads(contained("whiteroom", "accounts", "add", account, "--json")) for account in NAMES}
    contained("whiteroom", "images", "build", IMAGE, "/given/algorithm")
    s3 = {account: client(contained.announced["s3"], "s3", key) for account, key in keys.items()}
    tables = tmp_path_factory.mktemp("tables") / "tables"
    for owner, table in zip((AIRLINE, WEATHER), write_tables(tables), strict=True):
        place = buckets.put(s3[owner], owner, table)
        contained("whiteroom", "catalog", "add", "--account", owner, f"nyc.{table.stem}", place)
    outcome = Story(
        lambda service, account: client(contained.announced["url"], service, keys[account]), print, LAB
    ).run()
    return outcome, buckets.fetch(s3[LAB], LAB, "results/", tmp_path_factory.mktemp("fetched"))


def client(url: str, service: str, key: Mapping[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key["accessKeyId"],
        aws_secret_access_key=key["secretAccessKey"],
    )


def test_three_organisations_train_infer_and_export_in_the_container(told: tuple[Outcome, Path]) -> None:
    outcome, fetched = told
    assert [trained.version for trained in outcome.trained]
    assert len(outcome.trained) == 3
    assert len(list(fetched.rglob("*.out"))) == 3
    assert [file.name for file in fetched.rglob("*.tar.gz")] == ["model.tar.gz"]


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


def test_nobody_in_it_is_root_and_nothing_of_the_image_can_be_written(contained: Contained) -> None:
    status = dict(line.split(":\t", 1) for line in contained("cat", "/proc/1/status").splitlines() if ":\t" in line)
    assert status["Uid"].split() == [str(USER)] * 4
    assert (status["CapEff"], status["CapBnd"]) == ("0" * 16, "0" * 16)
    assert status["NoNewPrivs"] == "1"
    assert status["Seccomp"] == "2"
    for place in ("/opt/whiteroom", "/usr", "/"):
        assert contained.ended("touch", f"{place}/mine")[0] != 0
    assert {contained("stat", "--format", "%u %a", place).strip() for place in ("/data", "/state")} == {f"{USER} 700"}


def test_the_master_key_is_not_where_the_data_is(contained: Contained, told: tuple[Outcome, Path]) -> None:
    assert told
    assert "/state/whiteroom/master.key" in contained("find", "/state", "-type", "f")
    assert contained("find", "/data", "-name", "master.key") == ""


def test_the_health_check_fails_where_no_server_answers(contained: Contained) -> None:
    code, _ = contained.ended("env", "WHITEROOM_DATA=/nowhere", "python", "/opt/whiteroom/healthy.py")
    assert code != 0
