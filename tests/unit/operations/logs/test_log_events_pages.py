"""Pages of events: each event once and in order, whatever bounds a call; tokens tell nothing of what is hidden."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from support.worlds.requests import ALICE
from unit.operations.logs.desks import ERRORS, FAILED, MODELS, WRITTEN, Desk, logs_of
from whiteroom.base.faults import ValidationFault
from whiteroom.domain.execution.runs import RunId
from whiteroom.operations.logs import log_events
from whiteroom.runtime.run_logs import FolderRunLogs


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_summary_is_read_by_pages_in_both_directions(desk: Desk, limit: int) -> None:
    desk.world.runtime.end = FAILED
    model = desk.run(logs_of(ALICE, **ERRORS), WRITTEN)
    stream = {"logGroupName": MODELS, "logStreamName": f"{model.id}/NULL/algo-1", "limit": limit}
    everything = desk.messages(ALICE)
    assert len(everything) == 5
    assert walk(desk, stream, forward=True) == everything
    assert walk(desk, stream, forward=False) == everything


def walk(desk: Desk, stream: dict[str, Any], *, forward: bool) -> list[str]:
    """Every event, as clients page: until the token comes back unchanged."""
    found: list[str] = []
    request = {**stream, "startFromHead": forward}
    token = None
    for _ in range(1000):
        answer = desk.call(ALICE, "GetLogEvents", **request)
        page = [event["message"] for event in answer["events"]]
        assert len(page) <= stream.get("limit", 10_000)
        found = found + page if forward else page + found
        following = answer["nextForwardToken" if forward else "nextBackwardToken"]
        if following == token:
            assert page == []
            return found
        token = following
        request = {**stream, "nextToken": token}
    raise AssertionError("The pages have no end.")


@pytest.fixture
def hundred(desk: Desk) -> dict[str, Any]:
    """A stream of a hundred lines, of which every third is let through."""
    lines = [("stdout", f"line {number}") for number in range(100)]
    model = desk.run(logs_of(ALICE, filterPattern="(0|3|6|9)$"), lines)
    return {"logGroupName": MODELS, "logStreamName": f"{model.id}/NULL/algo-1"}


LET_THROUGH = [f"line {number}" for number in range(100) if number % 10 in (0, 3, 6, 9)]


@pytest.mark.parametrize("limit", [1, 7, 40, 10_000])
def test_pages_have_every_event_once_and_in_order(desk: Desk, hundred: dict[str, Any], limit: int) -> None:
    assert walk(desk, {**hundred, "limit": limit}, forward=True) == LET_THROUGH
    assert walk(desk, {**hundred, "limit": limit}, forward=False) == LET_THROUGH
    assert desk.messages(ALICE, limit=limit) == LET_THROUGH


@pytest.mark.parametrize("name", ["MAX_READ_BYTES", "MAX_MESSAGE_BYTES", "MAX_SEARCHED_CHARACTERS"])
def test_a_call_looks_at_so_much_and_the_next_goes_on(
    desk: Desk, hundred: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    hides = {"logRedactionConfiguration": {"entitiesToRedact": ["ALL_PERSONALLY_IDENTIFIABLE_INFORMATION"]}}
    desk.world.set_policies({"trainedModels": logs_of(ALICE, filterPattern="(0|3|6|9)$", **hides)})
    fields = {"MAX_READ_BYTES": 2, "MAX_MESSAGE_BYTES": 1, "MAX_SEARCHED_CHARACTERS": 3}
    defaults = list(log_events._Budget.__init__.__defaults__ or ())
    defaults[fields[name] - 1] = 100
    monkeypatch.setattr(log_events._Budget.__init__, "__defaults__", tuple(defaults))
    first = desk.call(ALICE, "GetLogEvents", **hundred, startFromHead=True)
    assert len(first["events"]) < 20
    assert walk(desk, hundred, forward=True) == LET_THROUGH
    assert walk(desk, hundred, forward=False) == LET_THROUGH
    assert desk.messages(ALICE) == LET_THROUGH


def test_a_call_that_takes_too_long_answers_what_it_has(
    desk: Desk, hundred: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = count()
    monkeypatch.setattr("whiteroom.operations.logs.log_events.time.monotonic", lambda: next(ticks) / 10)
    assert len(desk.call(ALICE, "GetLogEvents", **hundred, startFromHead=True)["events"]) < 20
    assert walk(desk, hundred, forward=True) == LET_THROUGH
    assert walk(desk, hundred, forward=False) == LET_THROUGH
    assert desk.messages(ALICE) == LET_THROUGH


def test_the_newest_events_come_without_a_token(desk: Desk, hundred: dict[str, Any]) -> None:
    answer = desk.call(ALICE, "GetLogEvents", **hundred, limit=2)
    assert [event["message"] for event in answer["events"]] == ["line 96", "line 99"]
    oldest = desk.call(ALICE, "GetLogEvents", **hundred, limit=1, startFromHead=True)["events"]
    assert [event["message"] for event in oldest] == ["line 0"]
    again = desk.call(ALICE, "GetLogEvents", **hundred, nextToken=answer["nextForwardToken"])
    assert (again["events"], again["nextForwardToken"]) == ([], answer["nextForwardToken"])


def test_a_window_of_time_bounds_the_events(desk: Desk, hundred: dict[str, Any]) -> None:
    events = desk.call(ALICE, "GetLogEvents", **hundred)["events"]
    first, last = events[5]["timestamp"], events[10]["timestamp"]
    for head in (True, False):
        answer = desk.call(ALICE, "GetLogEvents", **hundred, startTime=first, endTime=last, startFromHead=head)
        assert answer["events"] == events[5:10]
    group = {"logGroupName": MODELS, "startTime": first, "endTime": last}
    found = desk.call(ALICE, "FilterLogEvents", **group)["events"]
    assert [event["message"] for event in found] == [event["message"] for event in events[5:11]]


def test_what_comes_later_follows_on_the_last_token(desk: Desk) -> None:
    model = desk.run(logs_of(ALICE))
    stream = {"logGroupName": MODELS, "logStreamName": f"{model.id}/NULL/algo-1"}
    token = desk.call(ALICE, "GetLogEvents", **stream, startFromHead=True)["nextForwardToken"]
    assert desk.call(ALICE, "GetLogEvents", **stream, nextToken=token)["nextForwardToken"] == token
    desk.write(f"training-{model.id}", [("stdout", "later")])
    assert desk.call(ALICE, "GetLogEvents", **stream, nextToken=token)["events"][0]["message"] == "later"


def test_events_of_several_runs_come_in_the_order_of_time(desk: Desk) -> None:
    first, second = desk.run(logs_of(ALICE)), desk.run(logs_of(ALICE))
    for model in (first, second):
        (desk.folder / f"training-{model.id}.jsonl").unlink()
    start = int(second.created_at.timestamp() * 1000) + 1
    with desk.world.store.transaction() as tx:  # they ran side by side
        for model in (first, second):
            later = second.created_at + timedelta(seconds=1)
            tx.trained_models.note(model, actor=ALICE, at=model.updated_at, run_ended_at=later)
    for offset, model in enumerate((first, second)):
        for number in range(5):
            desk.write(f"training-{model.id}", [("stdout", f"{offset} {number}")], first_ms=start + 2 * number + offset)
    expected = [f"{offset} {number}" for number in range(5) for offset in (0, 1)]
    for limit in (1, 3, 100):
        assert desk.messages(ALICE, limit=limit) == expected
    assert desk.messages(ALICE, logStreamNamePrefix=second.id) == expected[1::2]
    assert desk.messages(ALICE, logStreamNames=[f"{first.id}/NULL/algo-1"]) == expected[::2]
    events = desk.call(ALICE, "FilterLogEvents", logGroupName=MODELS)["events"]
    assert len({event["eventId"] for event in events}) == 10


@pytest.mark.parametrize("token", ["x", "f/", "f/-1", "f/1/2", "g/1", "f/٣", "f/" + "9" * 30])
def test_a_token_that_was_not_given_out_is_refused(desk: Desk, token: str) -> None:
    model = desk.run(logs_of(ALICE))
    stream = {"logGroupName": MODELS, "logStreamName": f"{model.id}/NULL/algo-1"}
    desk.refused(ValidationFault, ALICE, "GetLogEvents", **stream, nextToken=token)


def test_any_place_in_a_token_tells_no_more_than_the_lines_themselves(desk: Desk) -> None:
    hides = {"logRedactionConfiguration": {"entitiesToRedact": ["NUMBERS"]}}
    model = desk.run(logs_of(ALICE, **hides), [("stdout", 'row {"text":"41"}'), ("stdout", "4111")])
    stream = {"logGroupName": MODELS, "logStreamName": f"{model.id}/NULL/algo-1"}
    tokens = log_events._Tokens(FolderRunLogs(desk.folder).key(), f"training-{model.id}")
    for direction in "fb":
        for place in (*range(200), 10**12):
            token = tokens.written(direction, place)
            answer = desk.call(ALICE, "GetLogEvents", **stream, nextToken=token)
            assert {event["message"] for event in answer["events"]} <= {'row {"text":"[REDACTED]"}', "[REDACTED]"}


def test_tokens_and_ids_do_not_tell_how_long_the_lines_are_that_are_hidden(desk: Desk) -> None:
    model = desk.run(
        logs_of(ALICE, filterPattern="^seen"), [("stdout", "seen"), ("stdout", "x" * 500), ("stdout", "seen")]
    )
    stream = {"logGroupName": MODELS, "logStreamName": f"{model.id}/NULL/algo-1"}
    places = {str(placed.start) for placed in FolderRunLogs(desk.folder).forward(model_run(model), 0)}
    answer = desk.call(ALICE, "GetLogEvents", **stream, startFromHead=True)
    page = desk.call(ALICE, "FilterLogEvents", logGroupName=MODELS, limit=1)
    told = [answer["nextForwardToken"][2:], answer["nextBackwardToken"][2:]]
    told += [event["eventId"][20:] for event in page["events"]]
    told += [str(number) for number in json.loads(base64.urlsafe_b64decode(page["nextToken"])) if type(number) is int]
    assert len(told) == 5
    assert not places & {number.lstrip("0") or "0" for number in told}
    assert all(len(number) >= 15 for number in told)


def model_run(model: Any) -> RunId:
    return RunId(f"training-{model.id}")
