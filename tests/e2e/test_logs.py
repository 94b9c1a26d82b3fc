"""Logs and failure texts on a real server, as members read them with boto3."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.live import LiveRoom, live_room
from support.patience import Patience
from support.worlds.requests import ALICE, BOB, role_of

pytestmark = pytest.mark.slow

GROUP = "/aws/cleanroomsml/TrainedModels"
JOBS = "/aws/cleanroomsml/TrainedModelInferenceJobs"
MASKED = {"logRedactionConfiguration": {"entitiesToRedact": ["NUMBERS"]}}
DIGITS = "0123456789"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveRoom]:
    with live_room(tmp_path_factory.mktemp("logs") / "data") as room:
        for account, membership in ((ALICE, room.membership(ALICE)), (BOB, room.membership(BOB))):
            room.client("cleanroomsml", account).put_ml_configuration(
                membershipIdentifier=membership,
                defaultOutputLocation={
                    "roleArn": role_of(account),
                    "destination": {"s3Destination": {"s3Uri": f"s3://{account}/results"}},
                },
            )
        yield room


@pytest.fixture(scope="module")
def rows(room: LiveRoom) -> str:
    arn = room.channel("rows")
    room.finished(arn)
    return arn


def under(room: LiveRoom, name: str, *policies: dict[str, Any]) -> str:
    return room.association(
        name=name, policies={"trainedModels": {"containerLogs": list(policies)}, "trainedModelInferenceJobs": {}}
    )


def messages(room: LiveRoom, account: str, model: str, group: str = GROUP) -> list[str]:
    pages = (
        room.client("logs", account)
        .get_paginator("filter_log_events")
        .paginate(logGroupName=group, logStreamNamePrefix=model.rpartition("/")[2])
    )
    return [event["message"] for page in pages for event in page["events"]]


def followed(client: Any, until: str, seconds: float = 60) -> list[str]:
    """As `aws logs tail --follow`: pages to the end, then again from the newest event's time, known ones left out."""
    start, known, seen = int((time.time() - 600) * 1000), set[str](), list[str]()
    patience = Patience(seconds)
    while not patience.is_lost:
        token: dict[str, str] = {}
        while True:
            page = client.filter_log_events(logGroupName=GROUP, interleaved=True, startTime=start, **token)
            for event in page["events"]:
                if event["eventId"] not in known:
                    known.add(event["eventId"])
                    seen.append(event["message"])
                    start = max(start, event["timestamp"])
            if "nextToken" not in page:
                break
            token = {"nextToken": page["nextToken"]}
        if until in seen:
            return seen
        patience.rest()
    raise AssertionError(f"{until!r} did not come: {seen[-3:]}")


def test_a_member_follows_a_training_line_by_line_and_no_other_member_does(room: LiveRoom, rows: str) -> None:
    association = under(room, "followed", {"allowedAccountIds": [ALICE], "filterPattern": "^(tick|done)"})
    model = room.train("followed", rows, association, behaviour="count", ticks="60")
    seen = followed(room.client("logs"), "done")
    assert seen == [*(f"tick {number}" for number in range(60)), "done"]
    assert room.finished(model)["logsStatus"] == "PUBLISH_SUCCEEDED"
    assert messages(room, ALICE, model) == seen
    assert messages(room, BOB, model) == []
    assert room.client("logs", BOB).describe_log_streams(logGroupName=GROUP)["logStreams"] == []
    theirs = room.client("cleanroomsml", BOB).get_collaboration_trained_model(**room.here, trainedModelArn=model)
    assert "not in allowedAccountIds" in theirs["logsStatusDetails"]


def everything_told(room: LiveRoom, model: str) -> str:
    """All that members and the server's own log are told of a run."""
    ours = room.look(model)
    theirs = room.client("cleanroomsml", BOB).get_collaboration_trained_model(**room.here, trainedModelArn=model)
    told = [str(answer.get("statusDetails")) + str(answer.get("logsStatusDetails")) for answer in (ours, theirs)]
    told += messages(room, ALICE, model) + messages(room, BOB, model)
    streams = room.client("logs").describe_log_streams(
        logGroupName=GROUP, logStreamNamePrefix=model.rpartition("/")[2]
    )["logStreams"]
    for stream in streams:
        name = stream["logStreamName"]
        page = room.client("logs").get_log_events(logGroupName=GROUP, logStreamName=name, startFromHead=True)
        told += [event["message"] for event in page["events"]]
    return "\n".join(told)


@pytest.mark.parametrize("entity", ["NUMBERS", "ALL_PERSONALLY_IDENTIFIABLE_INFORMATION"])
def test_a_number_is_masked_however_it_is_written(room: LiveRoom, rows: str, entity: str) -> None:
    masked = {"logRedactionConfiguration": {"entitiesToRedact": [entity]}}
    policies = (
        {"allowedAccountIds": [ALICE], **masked},
        {"allowedAccountIds": [BOB], "logType": "ERROR_SUMMARY", **masked},
    )
    name = f"confessed-{entity[:3]}"
    model = room.train(name, rows, under(room, name, *policies), behaviour="confess")
    room.failed(model, "AlgorithmError")
    told = everything_told(room, model)
    assert told.count("card [REDACTED] here") >= 20
    if entity == "NUMBERS":
        assert not set(DIGITS) & set("".join(messages(room, ALICE, model)))
    summary = messages(room, BOB, model)
    assert "Traceback (most recent call last):" in summary
    assert "ValueError: no card [REDACTED]" in summary
    assert "4111" not in told
    assert "4111" not in (room.data.parent / f"{room.data.name}.log").read_text()


def test_a_failure_of_100_mb_is_cut_after_it_is_masked(room: LiveRoom, rows: str) -> None:
    policy = {"allowedAccountIds": [BOB], "logType": "ERROR_SUMMARY", **MASKED}
    model = room.train("failure", rows, under(room, "failure", policy), behaviour="confess_failure")
    message = room.failed(model, "AlgorithmError")
    assert message.startswith("card [REDACTED] [REDACTED] xxx")
    assert len(message) <= 1024
    assert not set(DIGITS) & set(message)
    assert "4111" not in everything_told(room, model)


def test_the_operator_sees_exactly_what_a_member_sees(room: LiveRoom, rows: str) -> None:
    policy = {"allowedAccountIds": [BOB], "filterPattern": "tick", **MASKED}
    model = room.train("shown", rows, under(room, "shown", policy), behaviour="count", ticks="3")
    room.finished(model)
    lines = room.command("logs", model, "--as", BOB).out.splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == messages(room, BOB, model) == ["tick [REDACTED]"] * 3
    refused = room.command("logs", model, "--as", ALICE)
    assert refused.out == ""
    assert "not in allowedAccountIds" in refused.err


def test_an_inference_jobs_log_is_read_by_pages(room: LiveRoom, rows: str) -> None:
    association = room.association(
        name="served", policies={"trainedModelInferenceJobs": {"containerLogs": [{"allowedAccountIds": [ALICE]}]}}
    )
    model = room.train("served", rows, association)
    room.finished(model)
    job = room.infer("served", model, rows)
    room.finished(job)
    assert messages(room, ALICE, model) == []
    client = room.client("logs")
    (stream,) = client.describe_log_streams(logGroupName=JOBS)["logStreams"]
    request: dict[str, Any] = {"logGroupName": JOBS, "logStreamName": stream["logStreamName"], "limit": 1}
    seen, token = [], None
    while True:
        page = client.get_log_events(**request, startFromHead=True, **({} if token is None else {"nextToken": token}))
        if page["nextForwardToken"] == token:
            break
        token = page["nextForwardToken"]
        seen += [event["message"] for event in page["events"]]
    assert seen == messages(room, ALICE, job, JOBS)
    assert any(line.startswith("asked for ") for line in seen)
