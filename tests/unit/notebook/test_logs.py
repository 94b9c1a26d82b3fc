"""Logs: followed to the end, each line once, in the order of their times."""

from __future__ import annotations

from typing import Any

import pytest

from unit.notebook.members import CHANNEL, COLLABORATION, MODEL, SECOND, model, stubbed
from whiteroom.notebook.logs import follow

ASKED = {"trainedModelArn": MODEL}
GROUP = "/aws/cleanroomsml/TrainedModels"


def event(number: int, message: str, host: str = "algo-1", stream: str = "m/NULL") -> dict[str, Any]:
    return {
        "eventId": f"{host}-{message}",
        "timestamp": number,
        "message": message,
        "logStreamName": f"{stream}/{host}",
    }


def page(*events: Any) -> dict[str, Any]:
    return {"events": list(events)}


def asked(since: int, **changes: Any) -> dict[str, Any]:
    return {"logGroupName": GROUP, "startTime": since, "logStreamNamePrefix": "m/NULL/", **changes}


def test_it_asks_from_the_last_line_on_and_in_the_end_for_all() -> None:
    said: list[str] = []
    one, two, late, three = event(5, "one"), event(6, "two"), event(4, "late"), event(7, "three")
    with stubbed("cleanroomsml", "logs") as (member, stubs):
        for status in ("CREATE_PENDING", "CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "ACTIVE"):
            stubs["cleanroomsml"].add_response("get_trained_model", model(status))
        stubs["logs"].add_client_error("filter_log_events", "ResourceNotFoundException", "no stream yet")
        stubs["logs"].add_response("filter_log_events", page(one, two), asked(0))
        stubs["logs"].add_response("filter_log_events", page(two), asked(6))
        stubs["logs"].add_response("filter_log_events", page(late, one, two, three), asked(0))
        slept: list[float] = []
        events = follow(member.client, ASKED, said.append, slept.append)
    assert said == ["one", "two", "late", "three"]
    assert events == [late, one, two, three]
    assert len(slept) == 3


def test_a_page_without_lines_does_not_end_it() -> None:
    with stubbed("cleanroomsml", "logs") as (member, stubs):
        stubs["cleanroomsml"].add_response("get_trained_model", model())
        stubs["logs"].add_response("filter_log_events", {"events": [], "nextToken": "t"})
        stubs["logs"].add_response("filter_log_events", page(event(1, "one")), asked(0, nextToken="t"))
        assert [one["message"] for one in member.logs(ASKED)] == ["one"]


def test_lines_of_several_hosts_are_told_apart_and_control_characters_shown() -> None:
    said: list[str] = []
    with stubbed("cleanroomsml", "logs") as (member, stubs):
        stubs["cleanroomsml"].add_response("get_trained_model", model())
        lines = page(event(1, "one\x1b[2J"), event(2, "two", "algo-2\x9b2J"))
        stubs["logs"].add_response("filter_log_events", lines)
        follow(member.client, ASKED, said.append)
    assert said == ["algo-1  one\\x1b[2J", "algo-2\\x9b2J  two"]


def test_where_nothing_may_be_read_the_reason_is_said() -> None:
    said: list[str] = []
    with stubbed("cleanroomsml", "logs") as (member, stubs):
        stubs["cleanroomsml"].add_response("get_trained_model", model(logsStatusDetails="No policy names you."))
        stubs["logs"].add_response("filter_log_events", page())
        events = follow(member.client, ASKED, said.append)
    assert said == ["There are no lines. No policy names you."]
    assert events._repr_html_() == "No policy names you."


def test_a_version_has_its_own_log() -> None:
    with stubbed("cleanroomsml", "logs") as (member, stubs):
        stubs["cleanroomsml"].add_response("get_trained_model", model(versionIdentifier=SECOND))
        stubs["logs"].add_response("filter_log_events", page(), asked(0, logStreamNamePrefix=f"m/{SECOND}/"))
        assert member.logs(trainedModelArn=MODEL, versionIdentifier=SECOND) == []


@pytest.mark.parametrize(
    "asked", [{"collaborationIdentifier": COLLABORATION}, {"collaboration": {"id": COLLABORATION}}]
)
def test_a_collaboration_has_the_log_of_its_analyses(asked: dict[str, Any]) -> None:
    line = event(1, '{"type": "QUERY"}', stream="queries")
    with stubbed("logs") as (member, stubs):
        expected = {"logGroupName": f"/aws/cleanrooms/{COLLABORATION}", "startTime": 0}
        stubs["logs"].add_response("filter_log_events", page(line), expected)
        assert member.logs(**asked) == [line]


def test_a_channel_has_no_log_and_that_is_said() -> None:
    with stubbed() as (member, _), pytest.raises(ValueError, match="channels and queries have none"):
        member.logs(mlInputChannelArn=CHANNEL)
