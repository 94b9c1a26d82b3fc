"""An owner takes back what it allowed while work goes on, on a real server: the work ends, and nothing of it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.live import LiveRoom, live_room, once
from support.revoking import Owner
from support.worlds.requests import ALICE, BOB, collaboration_rule, custom_rule

pytestmark = pytest.mark.slow

LOGS = {"containerLogs": [{"allowedAccountIds": [ALICE]}]}
EXPORTS = {"trainedModelExports": {"maxSize": {"unit": "GB", "value": 0.1}, "filesToExport": ["MODEL"]}}
GROUP = "/aws/cleanroomsml/TrainedModels"
LONG = "SELECT count(*) AS n FROM " + ", ".join(f"visits AS {name}" for name in "abcdefg") + " WHERE a.age + g.age > 1"
"""Over 20 rows: 20^7 of them, more than the test waits for."""


@pytest.fixture
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("revoked") / "data", WHITEROOM_STOP_GRACE_SECONDS="5") as room:
        policies = {"trainedModels": LOGS, "trainedModelInferenceJobs": {}, **EXPORTS}
        room.association_arn = room.association(name="open", policies=policies)
        yield room
        room.assert_nothing_left()


def take_back(room: LiveRoom) -> None:
    Owner(room).association_rule("Delete")


def running(room: LiveRoom, rows: str) -> str:
    """A training that counts for two minutes, and whose log ALICE reads."""
    arn = room.train("running", rows, behaviour="count", ticks="1200", seconds=600)
    once(lambda lines: "tick 3" in lines, lambda: told(room, arn))
    return arn


def told(room: LiveRoom, model: str) -> list[str]:
    """What ALICE reads of a training's log."""
    pages = room.client("logs").get_paginator("filter_log_events").paginate(logGroupName=GROUP)
    return [event["message"] for page in pages for event in page["events"] if event["message"]]


def ended(room: LiveRoom, arn: str) -> None:
    """The training has ended by its owner's word: nothing is kept, and nothing of it is read any more."""
    assert "'visits'" in room.failed(arn, "RevokedByOwner")
    seen = room.look(arn)
    assert (seen["logsStatus"], seen["metricsStatus"]) == ("PUBLISH_FAILED", "PUBLISH_FAILED")
    assert told(room, arn) == []
    assert room.client("cloudwatch").list_metrics(Namespace=GROUP)["Metrics"] == []
    assert not list((room.data / "artefacts" / "trained-models").glob("*"))
    room.assert_nothing_left()


def rows_of(room: LiveRoom) -> str:
    arn = room.channel("rows")
    room.finished(arn)
    return arn


def test_a_training_that_runs_ends_and_a_restored_rule_lets_new_ones_begin(room: LiveRoom) -> None:
    rows = rows_of(room)
    model = room.train("before", rows)
    room.finished(model)
    arn = room.train("running", rows, behaviour="count", ticks="1200", seconds=600)
    once(lambda lines: "tick 3" in lines, lambda: told(room, arn))
    take_back(room)
    room.failed(arn, "RevokedByOwner")  # long before the two minutes that it would count
    assert "done" not in room.printed(arn)
    assert told(room, arn) == []
    for refused in (
        lambda: room.train("after", rows),
        lambda: room.infer("after", model, rows),
        lambda: room.export("after", model),
    ):
        with pytest.raises(ClientError) as caught:
            refused()
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    assert room.deliveries() == []
    Owner(room).association_rule("Create", collaboration_rule())
    room.finished(room.train("restored", rows))
    room.export("restored", model)
    assert room.exported("restored", model)["status"] == "ACTIVE"
    assert "tick 3" not in told(room, arn)


def test_a_server_that_is_killed_between_the_owners_word_and_the_end_ends_it_when_it_is_back(room: LiveRoom) -> None:
    arn = running(room, rows_of(room))
    take_back(room)
    room.kill()
    room.start()
    ended(room, arn)
    assert room.events(arn) == ["created", "started", "failed"]


def test_an_owner_is_obeyed_by_the_operators_command_while_no_server_runs(room: LiveRoom) -> None:
    arn = running(room, rows_of(room))
    room.kill()
    assert room.command("owner", "stop", "--account", BOB).code == 0
    room.start()
    ended(room, arn)


def test_the_operator_stops_all_work_of_a_collaboration_beside_a_running_server(room: LiveRoom) -> None:
    rows = rows_of(room)
    arn = running(room, rows)
    assert room.command("collaborations", "stop", room.collaboration_id).code == 0
    room.failed(arn, "StoppedByOperator")
    with pytest.raises(ClientError, match="operator"):
        room.train("after", rows)
    assert room.command("collaborations", "resume", room.collaboration_id).code == 0
    room.finished(room.train("after", rows))


def test_a_query_that_runs_while_its_column_is_disallowed_delivers_nothing(room: LiveRoom) -> None:
    owner, alice = Owner(room), room.client("cleanrooms")
    rule = custom_rule(additionalAnalyses="ALLOWED")
    owner.rule("Update", rule)
    owner.association_rule("Update", collaboration_rule(allowedResultReceivers=[ALICE]))
    query = alice.start_protected_query(
        type="SQL",
        **room.of(ALICE),
        sqlParameters={"queryString": LONG},
        resultConfiguration={
            "outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": "alice", "keyPrefix": "asked"}}
        },
    )["protectedQuery"]

    def look() -> Any:
        answer = alice.get_protected_query(**room.of(ALICE), protectedQueryIdentifier=query["id"])
        return answer["protectedQuery"]

    once(lambda seen: seen["status"] != "SUBMITTED", look)
    judged = room.data / "queries" / query["id"] / "judgement.json"
    once(lambda there: there, judged.exists)
    controls = {"allowedLiteralComparisonColumns": ["patient"], "allowedColumnComparisonColumns": []}
    hidden = custom_rule(additionalAnalyses="ALLOWED", comparisonControls=controls)
    owner.rule("Update", hidden)
    seen = once(lambda seen: seen["status"] not in {"SUBMITTED", "STARTED"}, look)
    assert (seen["status"], seen["error"]["code"]) == ("FAILED", "RESOURCE_ACCESS_DENIED")
    assert room.deliveries() == []
