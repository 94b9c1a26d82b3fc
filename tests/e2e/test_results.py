"""Results of a server's own work, over HTTP: whoever receives them fetches them, before and after a kill -9."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.live import LiveRoom, live_room, once
from support.revoking import Owner
from support.worlds.requests import ALICE, BOB, collaboration_rule, custom_rule

pytestmark = pytest.mark.slow

EXPORTS = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 0.1}, "filesToExport": ["MODEL", "OUTPUT"]}}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("results") / "data") as room:
        owner = Owner(room)
        owner.rule("Update", custom_rule(additionalAnalyses="ALLOWED"))
        owner.association_rule("Update", collaboration_rule(allowedResultReceivers=[ALICE]))
        room.association_arn = room.association(name="exportable", policies=EXPORTS)
        yield room


def results(room: LiveRoom, account: str = ALICE) -> dict[str, Any]:
    """By the kind of job that gave them."""
    return {one["type"]: one for one in room.client("whiteroom", account).list_results(maxResults=100)["results"]}


def contents(room: LiveRoom, result: Any) -> dict[str, bytes]:
    client = room.client("whiteroom")
    found = {}
    for file in result["files"]:
        said = client.get_result(resultIdentifier=result["resultIdentifier"], fileName=file["fileName"])
        found[file["fileName"]] = said["body"].read()
        assert hashlib.sha256(found[file["fileName"]]).hexdigest() == file["sha256"]
    return found


def test_what_queries_exports_and_inference_jobs_deliver_is_fetched_by_its_receiver_alone(
    room: LiveRoom, tmp_path: Path
) -> None:
    output = {"s3": {"resultFormat": "CSV", "bucket": "alice", "keyPrefix": "queries"}}
    room.server.cleanrooms(
        ALICE,
        "StartProtectedQuery",
        **room.of(ALICE),
        type="SQL",
        sqlParameters={"queryString": "SELECT patient, age FROM visits WHERE age < 4"},
        resultConfiguration={"outputConfiguration": output},
    )
    rows = room.channel("rows")
    room.finished(rows)
    model = room.train("model", rows)
    room.finished(model)
    room.export("export", model)
    assert room.exported("export", model)["status"] == "ACTIVE"
    job = room.infer("scores", model, rows)
    room.finished(job)
    found = once(lambda found: len(found) == 3, lambda: results(room))
    (table,) = contents(room, found["PROTECTED_QUERY"]).values()
    assert list(csv.reader(table.decode().splitlines())) == [["patient", "age"], ["1", "1"], ["2", "2"], ["3", "3"]]
    assert set(contents(room, found["TRAINED_MODEL_EXPORT_JOB"])) == {"model.tar.gz", "output.tar.gz"}
    scores = contents(room, found["TRAINED_MODEL_INFERENCE_JOB"])
    assert all(name.endswith(".out") for name in scores)
    assert results(room, BOB) == {}
    with pytest.raises(ClientError, match="Nothing was delivered"):
        room.client("whiteroom", BOB).get_result(
            resultIdentifier=found["PROTECTED_QUERY"]["resultIdentifier"],
            fileName=found["PROTECTED_QUERY"]["files"][0]["fileName"],
        )
    reasons = [event["reason"] for event in room.command("explain", job, "--json").json["events"]]
    assert [reason for reason in reasons if reason.startswith("downloads all of the ")]
    room.restart()  # kill -9
    assert json.dumps(results(room), default=str) == json.dumps(found, default=str)
    assert contents(room, found["TRAINED_MODEL_INFERENCE_JOB"]) == scores
    result_id = found["TRAINED_MODEL_INFERENCE_JOB"]["resultIdentifier"]
    copied = room.command("results", "get", result_id, "--to", str(tmp_path / "to"))
    assert copied.code == 0, copied.err
    assert {file.name: file.read_bytes() for file in (tmp_path / "to").iterdir()} == scores
