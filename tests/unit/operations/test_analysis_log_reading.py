"""Analysis logs are read as CloudWatch has logs: groups, streams, pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, DAVE, REGION, Office
from support.ml import Studio
from unit.operations.logged_studio import a_logged_studio, ask, end, group, log_of
from whiteroom.base.faults import ResourceNotFound
from whiteroom.domain.execution.lifecycle import Event


@pytest.fixture
def studio(office: Office, tmp_path: Path) -> Studio:
    return a_logged_studio(office, tmp_path)


def test_the_log_is_read_as_cloudwatch_has_it(studio: Studio) -> None:
    office, room = studio.office, studio.room
    queries = [ask(office, room) for _ in range(3)]
    for query in queries:
        end(studio, "protected_queries", query, Event.STARTED, Event.SUCCEEDED)
    channel = studio.active_channel()
    studio.model("trial", channel)
    name = {"logGroupName": group(room)}
    streams = office.call(BOB, "logs", "DescribeLogStreams", **name)["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == ["jobs", "queries"]
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = office.call(
            BOB, "logs", "GetLogEvents", **name, logStreamName="queries", limit=2, startFromHead=True, **token
        )
        seen += [json.loads(event["message"])["analysisId"] for event in page["events"]]
        if not page["events"]:
            break
        token = {"nextToken": page["nextForwardToken"]}
    assert seen[:6] == [*queries, *queries]
    newest = office.call(BOB, "logs", "GetLogEvents", **name, logStreamName="queries", limit=1)["events"]
    assert json.loads(newest[0]["message"])["analysisId"] == seen[-1]
    found = office.call(BOB, "logs", "FilterLogEvents", **name, filterPattern=f'"{queries[1]}" TERMINATION')["events"]
    assert [json.loads(event["message"])["logStage"] for event in found] == ["TERMINATION"]
    at_ms = found[0]["timestamp"]
    later = office.call(BOB, "logs", "FilterLogEvents", **name, startTime=at_ms)["events"]
    assert [event["timestamp"] >= at_ms for event in later] == [True] * len(later)
    assert len(later) == 4


def test_pages_of_a_search_come_to_every_event_once(studio: Studio) -> None:
    office, room = studio.office, studio.room
    for _ in range(4):
        end(studio, "protected_queries", ask(office, room), Event.STARTED, Event.SUCCEEDED)
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = office.call(BOB, "logs", "FilterLogEvents", logGroupName=group(room), limit=3, **token)
        assert len(page["events"]) <= 3
        seen += [event["eventId"] for event in page["events"]]
        if page.get("nextToken") is None:
            break
        token = {"nextToken": page["nextToken"]}
    assert len(seen) == len(set(seen)) == 8


def test_a_log_stays_its_accounts_own_when_it_has_left(studio: Studio) -> None:
    ask(studio.office, studio.room)
    studio.office.cleanrooms(ALICE, "DeleteCollaboration", collaborationIdentifier=studio.room.collaboration_id)
    assert len(log_of(studio.office, studio.room, BOB)) == 1


def test_a_group_is_found_by_its_arn_and_another_accounts_is_not(studio: Studio) -> None:
    office, room = studio.office, studio.room
    arn = f"arn:aws:logs:{REGION}:{BOB}:log-group:{group(room)}"
    assert office.call(BOB, "logs", "FilterLogEvents", logGroupIdentifier=arn)["events"] == []
    for account in (CAROL, DAVE):
        with pytest.raises(ResourceNotFound):
            office.call(account, "logs", "FilterLogEvents", logGroupIdentifier=arn)
