"""What of a training's artefacts was not kept stands at the end of its log, for those who read that."""

from __future__ import annotations

from typing import Any

import pytest

from support.links import leave_links
from support.worlds.requests import ALICE, BOB
from unit.operations.logs.desks import ERRORS, FAILED, MODELS, Desk, logs_of

LEFT_OUT = "Left out of /opt/ml/model: row41 is a link that leads out."
LINES = [("stdout", "epoch 1"), ("stderr", "done")]


@pytest.fixture(autouse=True)
def links(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    leave_links(desk.world, monkeypatch, row41="/etc/passwd")


def test_it_is_the_last_line_of_the_first_instances_stream_in_either_direction(desk: Desk) -> None:
    model = desk.run(logs_of(ALICE), LINES)
    assert desk.messages(ALICE) == ["epoch 1", "done", LEFT_OUT]
    stream = {"logGroupName": MODELS, "logStreamName": f"{model.id}/NULL/algo-1"}
    for start in (True, False):
        events = desk.call(ALICE, "GetLogEvents", **stream, startFromHead=start)["events"]
        assert [event["message"] for event in events] == ["epoch 1", "done", LEFT_OUT]
    assert events[-1]["timestamp"] == int(model.run_ended_at.timestamp() * 1000)
    (last,) = desk.call(ALICE, "GetLogEvents", **stream, limit=1)["events"]
    assert last["message"] == LEFT_OUT


@pytest.mark.parametrize(
    ("policy", "told"),
    [
        ({"logRedactionConfiguration": {"entitiesToRedact": ["NUMBERS"]}}, LEFT_OUT.replace("41", "[REDACTED]")),
        ({"filterPattern": "^epoch"}, None),
        (ERRORS, None),
    ],
)
def test_it_is_masked_filtered_and_kept_from_readers_of_errors_as_any_line_is(
    desk: Desk, policy: dict[str, Any], told: str | None
) -> None:
    desk.run(logs_of(ALICE, **policy), LINES)
    found = [message for message in desk.messages(ALICE) if message.startswith("Left out")]
    assert found == ([told] if told else [])


def test_who_may_not_read_the_log_is_not_told(desk: Desk) -> None:
    desk.run(logs_of(ALICE), LINES)
    assert desk.messages(BOB) == []


def test_a_training_that_fails_has_none(desk: Desk) -> None:
    desk.run(logs_of(ALICE), LINES)
    desk.world.runtime.end = FAILED
    failed = desk.run(logs_of(ALICE), LINES, name="failed")
    assert desk.messages(ALICE, logStreamNames=[f"{failed.id}/NULL/algo-1"]) == ["epoch 1", "done"]
    assert desk.messages(ALICE).count(LEFT_OUT) == 1
