"""Events of logs, on a real store and real log files: who reads which, and what is hidden from whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from support.worlds.records import MEMBERSHIPS
from support.worlds.requests import ALICE, BOB
from unit.operations.logs.desks import ERRORS, FAILED, MODELS, WRITTEN, Desk, logs_of
from whiteroom.base.faults import Fault, ResourceNotFound, ValidationFault
from whiteroom.redaction import personal


def test_without_a_policy_nobody_reads(desk: Desk) -> None:
    desk.run({})
    assert desk.messages(ALICE) == desk.messages(BOB) == []
    desk.world.set_policies(None)
    assert desk.messages(ALICE) == desk.messages(BOB) == []


def test_a_member_without_a_configuration_when_the_run_began_reads_nothing_of_it(desk: Desk) -> None:
    desk.run(logs_of(ALICE, BOB))
    with desk.world.store.transaction() as tx:
        configuration = tx.ml_configurations.get(MEMBERSHIPS[BOB])
        assert configuration is not None
        tx.ml_configurations.remove(configuration)
    assert desk.messages(BOB) == []
    assert desk.messages(ALICE) == ["epoch 1", "warning 2"]
    with desk.world.store.transaction() as tx:
        late = desk.world.clock() + timedelta(seconds=1)
        tx.ml_configurations.add(
            type(configuration)(configuration.id, BOB, "arn:role", None, created_at=late, updated_at=late)
        )
    assert desk.messages(BOB) == []


def test_who_has_left_reads_nothing_more(desk: Desk) -> None:
    desk.run(logs_of(BOB))
    desk.world.end_membership(BOB)
    assert desk.streams(BOB) == desk.messages(BOB) == []


def test_what_the_policy_hides_is_hidden_from_a_search_as_well(desk: Desk) -> None:
    """Else a member could ask for a number, guess by guess."""
    hides = {"logRedactionConfiguration": {"entitiesToRedact": ["NUMBERS"]}}
    desk.run(logs_of(ALICE, **hides), [("stdout", "row of 41"), ("stdout", "row of 17")])
    assert desk.messages(ALICE) == ["row of [REDACTED]", "row of [REDACTED]"]
    for pattern in ("41", "?41 ?42", "%4[0-9]%"):
        assert desk.messages(ALICE, filterPattern=pattern) == []
    assert len(desk.messages(ALICE, filterPattern="-41")) == 2


def test_what_is_hidden_cannot_be_unmasked(desk: Desk) -> None:
    model = desk.run(logs_of(ALICE))
    desk.refused(ValidationFault, ALICE, "FilterLogEvents", logGroupName=MODELS, unmask=True)
    stream = {"logGroupName": MODELS, "logStreamName": f"{model.id}/NULL/algo-1"}
    desk.refused(ValidationFault, ALICE, "GetLogEvents", **stream, unmask=True)


def test_lines_that_are_filtered_away_leave_no_trace(desk: Desk) -> None:
    lines = [("stdout", "DEBUG row 41"), ("stdout", "INFO done"), ("stdout", "DEBUG row 17")]
    model = desk.run(logs_of(ALICE, filterPattern="^INFO"), lines)
    assert desk.messages(ALICE) == ["INFO done"]
    stream = desk.call(ALICE, "DescribeLogStreams", logGroupName=MODELS)["logStreams"][0]
    started, ended = (int(moment.timestamp() * 1000) for moment in (model.run_started_at, model.run_ended_at))
    assert (stream["firstEventTimestamp"], stream["lastEventTimestamp"], stream["storedBytes"]) == (started, ended, 0)


def test_without_the_detector_a_log_under_redaction_of_persons_is_not_shown(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    hides = {"logRedactionConfiguration": {"entitiesToRedact": ["ALL_PERSONALLY_IDENTIFIABLE_INFORMATION"]}}
    desk.run(logs_of(ALICE, **hides), [("stdout", "alice@example.org came")])
    assert desk.messages(ALICE) == ["[REDACTED] came"]
    monkeypatch.setattr(personal, "is_installed", lambda: False)
    assert desk.streams(ALICE) == desk.messages(ALICE) == []


def test_a_summary_of_errors_is_there_once_the_run_has_failed(desk: Desk) -> None:
    desk.world.runtime.end = FAILED
    desk.run(logs_of(ALICE, **ERRORS), WRITTEN)
    assert desk.messages(ALICE) == [
        *(text for stream, text in WRITTEN if stream != "stdout"),
        "***: lost row 41",
    ]


def test_a_run_that_succeeds_or_still_runs_has_no_summary(desk: Desk) -> None:
    desk.run(logs_of(ALICE, **ERRORS), WRITTEN)
    assert desk.messages(ALICE) == []


def test_a_summary_is_redacted_by_its_own_policy(desk: Desk) -> None:
    desk.world.runtime.end = FAILED
    hides = {"logRedactionConfiguration": {"entitiesToRedact": ["NUMBERS"]}}
    desk.run(logs_of(ALICE, **ERRORS, **hides), WRITTEN)
    assert not any(letter.isdigit() for message in desk.messages(ALICE) for letter in message)


@pytest.mark.parametrize(
    ("name", "request_", "fault"),
    [
        ("DescribeLogStreams", {}, ValidationFault),
        ("DescribeLogStreams", {"logGroupName": MODELS, "logGroupIdentifier": MODELS}, ValidationFault),
        ("DescribeLogStreams", {"logGroupName": "/aws/lambda/x"}, ResourceNotFound),
        ("DescribeLogStreams", {"logGroupName": MODELS, "nextToken": "é"}, ValidationFault),
        (
            "DescribeLogStreams",
            {"logGroupName": MODELS, "orderBy": "LastEventTime", "logStreamNamePrefix": "a"},
            ValidationFault,
        ),
        (
            "DescribeLogStreams",
            {"logGroupIdentifier": f"arn:aws:logs:eu-west-1:{BOB}:log-group:{MODELS}"},
            ResourceNotFound,
        ),
        ("DescribeLogGroups", {"accountIdentifiers": [BOB]}, ValidationFault),
        ("DescribeLogGroups", {"includeLinkedAccounts": True}, ValidationFault),
        ("DescribeLogGroups", {"logGroupNamePrefix": "a", "logGroupNamePattern": "b"}, ValidationFault),
        ("FilterLogEvents", {"logGroupName": MODELS, "filterPattern": "{ $.a = 1 }"}, ValidationFault),
        ("FilterLogEvents", {"logGroupName": MODELS, "startFromHead": False}, ValidationFault),
        (
            "FilterLogEvents",
            {"logGroupName": MODELS, "logStreamNames": ["a"], "logStreamNamePrefix": "a"},
            ValidationFault,
        ),
        *(
            ("FilterLogEvents", {"logGroupName": MODELS, "nextToken": token}, ValidationFault)
            for token in ("x", "é", "bnVsbA==", "WzEsMiwzXQ==", "W10=", "WzEsICJhIiwgIngiXQ==", "WzFlOTk5LCJhIiwxXQ==")
        ),
    ],
)
def test_what_cannot_be_answered_is_refused(
    desk: Desk, name: str, request_: dict[str, Any], fault: type[Fault]
) -> None:
    assert desk.refused(fault, ALICE, name, **request_).endswith(".")
