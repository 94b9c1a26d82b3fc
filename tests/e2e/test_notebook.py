"""whiteroom.notebook on a real server: what it waits for, reads, compares and fetches is what boto3 alone does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from support.live import IMAGE, LiveRoom, live_room
from support.revoking import Owner
from support.worlds.requests import ALICE, BOB, collaboration_rule, custom_rule
from whiteroom import notebook
from whiteroom.notebook.progress import Progress

pytestmark = [pytest.mark.slow, pytest.mark.services]  # some twenty seconds, with what the notebooks of examples/ need

TICKS = 30
POLICIES = {
    "trainedModels": {"containerLogs": [{"allowedAccountIds": [ALICE]}]},
    "trainedModelExports": {"maxSize": {"unit": "GB", "value": 0.1}, "filesToExport": ["MODEL"]},
}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("notebook") / "data") as room:
        owner = Owner(room)
        owner.rule("Update", custom_rule(additionalAnalyses="ALLOWED"))
        owner.association_rule("Update", collaboration_rule(allowedResultReceivers=[ALICE]))
        definitions = [{"name": "tick", "regex": "^tick ([0-9]+)$"}]
        algorithm = room.algorithm_of("counting", IMAGE, metricDefinitions=definitions)
        room.association_arn = room.association(name="counting", algorithm=algorithm, policies=POLICIES)
        yield room


@pytest.fixture(scope="module")
def alice(room: LiveRoom) -> Iterator[notebook.Member]:
    member = notebook.connect(room.server.url, account=ALICE, region=room.server.region)
    yield member
    member.close()


@pytest.fixture(scope="module")
def rows(room: LiveRoom, alice: notebook.Member) -> Any:
    shown: list[Progress] = []
    rows = alice.wait(mlInputChannelArn=room.channel("rows"), show=shown.append)
    assert (rows["status"], rows["numberOfRecords"]) == ("ACTIVE", 20)
    assert shown[-1].status == "ACTIVE"
    return rows


@pytest.fixture(scope="module")
def versions(room: LiveRoom, alice: notebook.Member, rows: Any) -> tuple[Any, Any]:
    """The base version and the one that goes on from it, as `wait` answers them."""
    arn = room.train("counted", rows["mlInputChannelArn"], behaviour="count", ticks=str(TICKS))
    base = alice.wait(trainedModelArn=arn)
    second = alice.ml.create_trained_model(
        membershipIdentifier=base["membershipIdentifier"],
        name="counted-on",
        configuredModelAlgorithmAssociationArn=room.association_arn,
        hyperparameters={"behaviour": "count", "ticks": "5"},
        resourceConfig=base["resourceConfig"],
        dataChannels=[{"mlInputChannelArn": rows["mlInputChannelArn"], "channelName": "train"}],
        incrementalTrainingDataChannels=[{"trainedModelArn": arn, "channelName": "base"}],
    )
    return base, alice.wait(second)


def test_a_version_is_looked_at_as_itself_where_a_later_one_is_there(
    alice: notebook.Member, versions: tuple[Any, Any]
) -> None:
    base, second = versions
    assert base["trainedModelArn"] == second["trainedModelArn"]
    assert [alice.wait(version)["name"] for version in versions] == ["counted", "counted-on"]


def test_a_log_that_is_followed_is_said_whole_and_once(room: LiveRoom, alice: notebook.Member, rows: Any) -> None:
    arn = room.train("followed", rows["mlInputChannelArn"], behaviour="count", ticks="150")
    said: list[str] = []
    events = alice.follow(trainedModelArn=arn, say=said.append)
    ticks = [line for line in said if line.startswith("tick ")]
    assert ticks == [f"tick {number}" for number in range(150)]
    assert [event["message"] for event in events if event["message"].startswith("tick ")] == ticks
    read = alice.logs(trainedModelArn=arn)
    assert {event["eventId"] for event in read} == {event["eventId"] for event in events}
    assert len(read) == len(said)


def test_who_may_not_read_a_log_is_told_why(room: LiveRoom, alice: notebook.Member, versions: tuple[Any, Any]) -> None:
    bob = notebook.connect(room.server.url, account=BOB, region=room.server.region)
    said: list[str] = []
    listed = bob.ml.list_collaboration_trained_models(**room.here)["collaborationTrainedModels"]
    (model,) = (one for one in listed if one["trainedModelArn"] == versions[0]["trainedModelArn"])
    assert bob.follow(model, say=said.append) == []
    reason = bob.ml.get_collaboration_trained_model(**room.here, trainedModelArn=model["trainedModelArn"])[
        "logsStatusDetails"
    ]
    assert said == [f"There are no lines. {reason}"]
    bob.close()


def test_metrics_are_a_frame_with_a_row_for_each_point(alice: notebook.Member, versions: tuple[Any, Any]) -> None:
    frame = alice.metrics(*versions)
    ticks = frame[frame["metric"] == "tick"]
    assert set(ticks["version"]) == {"NULL", versions[1]["versionIdentifier"]}
    assert set(ticks["host"]) == {"algo-1"}
    counted = alice.metrics(versions[0], statistic="SampleCount")
    assert counted[counted["metric"] == "tick"]["value"].sum() == TICKS
    assert alice.plot(*versions)._repr_png_().startswith(b"\x89PNG")


def test_versions_are_compared_by_what_went_in_and_what_came_of_it(
    alice: notebook.Member, versions: tuple[Any, Any]
) -> None:
    comparison = alice.compare(*versions)
    found = {row["what"]: (row["differs"], row["counted"], row["counted-on"]) for row in comparison}
    assert found["hyperparameters.ticks"] == (True, str(TICKS), "5")
    assert found["hyperparameters.behaviour"] == (False, "count", "count")
    assert found["dataChannels.train"] == (False, "rows, 20 rows", "rows, 20 rows")
    assert found["incrementalTrainingDataChannels.base"][:2] == (True, None)
    assert found["metrics.tick algo-1.highest"][1] > found["metrics.tick algo-1.highest"][2]
    assert alice.compare(versions[1]) == comparison


def test_a_failure_is_an_error_with_the_reason(room: LiveRoom, alice: notebook.Member, rows: Any) -> None:
    arn = room.train("broken", rows["mlInputChannelArn"], behaviour="no such behaviour")
    shown: list[Progress] = []
    with pytest.raises(WaiterError) as caught:
        alice.wait(trainedModelArn=arn, show=shown.append)
    last: Any = caught.value.last_response
    details = last["statusDetails"]
    assert f"broken is CREATE_FAILED: {details['statusCode']}" in str(caught.value)
    assert details["message"].splitlines()[0] in str(caught.value)
    assert shown[-1].reason.startswith(details["statusCode"])


def test_what_jobs_and_queries_deliver_is_fetched_by_what_boto3_answered_of_them(
    room: LiveRoom, alice: notebook.Member, versions: tuple[Any, Any], rows: Any, tmp_path: Path
) -> None:
    membership = versions[0]["membershipIdentifier"]
    job = alice.wait(
        trainedModelInferenceJobArn=room.infer("scores", versions[0]["trainedModelArn"], rows["mlInputChannelArn"])
    )
    scores = alice.fetch(job, to=tmp_path)
    assert [file.suffix for file in scores] == [".out"]
    export = {
        "name": "export",
        "membershipIdentifier": membership,
        "trainedModelArn": versions[0]["trainedModelArn"],
        "outputConfiguration": {"members": [{"accountId": ALICE}]},
    }
    alice.ml.start_trained_model_export_job(**export)
    assert alice.wait(export)["status"] == "ACTIVE"
    assert [file.name for file in alice.fetch(export, to=tmp_path)] == ["model.tar.gz"]
    query = alice.cleanrooms.start_protected_query(
        membershipIdentifier=membership,
        type="SQL",
        sqlParameters={"queryString": "SELECT patient FROM visits WHERE age < 4"},
        resultConfiguration={
            "outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": "alice", "keyPrefix": "queries"}}
        },
    )
    (table,) = alice.fetch(alice.wait(query), to=tmp_path)
    assert table.read_text().split() == ["patient", "1", "2", "3"]
    assert len({result["resultIdentifier"] for result in alice.results()}) == 3


def test_what_cannot_be_looked_at_is_boto3s_own_error(alice: notebook.Member, rows: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        alice.wait(mlInputChannelArn=rows["mlInputChannelArn"][:-12] + "0" * 12)


def test_the_log_of_a_collaborations_analyses_is_read_by_its_identifier(room: LiveRoom, rows: Any) -> None:
    bob = notebook.connect(room.server.url, account=BOB, region=room.server.region)
    assert [event["message"] for event in bob.logs(room.here)] != []
    bob.close()
