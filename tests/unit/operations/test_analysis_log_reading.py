"""Analysis logs are read as CloudWatch has logs: groups, streams, pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, DAVE, REGION
from support.worlds.rooms import Room
from support.worlds.servers import Server
from unit.operations.logged_room import a_logged_room, ask, end, group, log_of
from whiteroom.base.faults import ResourceNotFound
from whiteroom.domain.execution.lifecycle import Event


@pytest.fixture
def room(server: Server, tmp_path: Path) -> Room:
    return a_logged_room(server, tmp_path)


def test_the_log_is_read_as_cloudwatch_has_it(room: Room) -> None:
    server = room.server
    queries = [ask(room) for _ in range(3)]
    for query in queries:
        end(room, "protected_queries", query, Event.STARTED, Event.SUCCEEDED)
    channel = room.active_channel()
    room.model("trial", channel)
    name = {"logGroupName": group(room)}
    streams = server.call(BOB, "logs", "DescribeLogStreams", **name)["logStreams"]
    assert [stream["logStreamName"] for stream in streams] == ["jobs", "queries"]
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = server.call(
            BOB, "logs", "GetLogEvents", **name, logStreamName="queries", limit=2, startFromHead=True, **token
        )
        seen += [json.loads(event["message"])["analysisId"] for event in page["events"]]
        if not page["events"]:
            break
        token = {"nextToken": page["nextForwardToken"]}
    assert seen[:6] == [*queries, *queries]
    newest = server.call(BOB, "logs", "GetLogEvents", **name, logStreamName="queries", limit=1)["events"]
    assert json.loads(newest[0]["message"])["analysisId"] == seen[-1]
    found = server.call(BOB, "logs", "FilterLogEvents", **name, filterPattern=f'"{queries[1]}" TERMINATION')["events"]
    assert [json.loads(event["message"])["logStage"] for event in found] == ["TERMINATION"]
    at_ms = found[0]["timestamp"]
    later = server.call(BOB, "logs", "FilterLogEvents", **name, startTime=at_ms)["events"]
    assert [event["timestamp"] >= at_ms for event in later] == [True] * len(later)
    assert len(later) == 4


def test_pages_of_a_search_come_to_every_event_once(room: Room) -> None:
    server = room.server
    for _ in range(4):
        end(room, "protected_queries", ask(room), Event.STARTED, Event.SUCCEEDED)
    seen: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = server.call(BOB, "logs", "FilterLogEvents", logGroupName=group(room), limit=3, **token)
        assert len(page["events"]) <= 3
        seen += [event["eventId"] for event in page["events"]]
        if page.get("nextToken") is None:
            break
        token = {"nextToken": page["nextToken"]}
    assert len(seen) == len(set(seen)) == 8


def test_a_log_stays_its_accounts_own_when_it_has_left(room: Room) -> None:
    ask(room)
    room.server.cleanrooms(ALICE, "DeleteCollaboration", collaborationIdentifier=room.collaboration_id)
    assert len(log_of(room, BOB)) == 1


def test_a_group_is_found_by_its_arn_and_another_accounts_is_not(room: Room) -> None:
    server = room.server
    arn = f"arn:aws:logs:{REGION}:{BOB}:log-group:{group(room)}"
    assert server.call(BOB, "logs", "FilterLogEvents", logGroupIdentifier=arn)["events"] == []
    for account in (CAROL, DAVE):
        with pytest.raises(ResourceNotFound):
            server.call(account, "logs", "FilterLogEvents", logGroupIdentifier=arn)
