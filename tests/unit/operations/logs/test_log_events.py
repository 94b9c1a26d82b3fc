"""CloudWatch Logs' operations, on a real store and real log files: who sees which groups, streams and events."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from support.rooms import ALICE, BOB, World
from support.shapes import assert_fits, service_model
from whiteroom.app import all_handlers
from whiteroom.base.callers import Caller
from whiteroom.base.faults import Fault, ResourceNotFound, ValidationFault
from whiteroom.domain.execution.runs import EndReason, RunEnd, RunId
from whiteroom.domain.resources.quotas import Quotas
from whiteroom.operations.context import Context, Deployment
from whiteroom.operations.logs import log_events
from whiteroom.operations.registry import LOGS
from whiteroom.redaction import personal
from whiteroom.redaction.finder import PatternFinder
from whiteroom.runtime.run_logs import FolderRunLogs
from whiteroom.runtime.supervisor.logs import LogWriter

DAVE = "444444444444"
MODELS, JOBS = "/aws/cleanroomsml/TrainedModels", "/aws/cleanroomsml/TrainedModelInferenceJobs"
HANDLERS = all_handlers()


class Desk:
    """A room, its logs, and accounts that read them."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder)
        self.folder = folder / "logs"
        self.folder.mkdir()

    def call(self, account: str, name: str, **request: Any) -> Any:
        model = service_model(LOGS).operation_model(name)
        assert_fits(model.input_shape, request)
        with self.world.store.reading() as tx:
            context = Context(
                caller=Caller(account, "eu-west-1"),
                tx=tx,
                now=self.world.clock(),
                catalog=self.world.catalog,
                deployment=Deployment(quotas=Quotas({}), new_id=lambda: "", finder=PatternFinder()),
                logs=FolderRunLogs(self.folder),
            )
            answer = HANDLERS[LOGS, name](request, context)
        answer = {key: value for key, value in (answer or {}).items() if value is not None}
        assert_fits(model.output_shape, answer)
        return answer

    def run(self, policies: dict[str, Any], lines: list[tuple[str, str]] | None = None, **changes: Any) -> Any:
        """A training under these policies, which has written these lines, of (stream, text)."""
        self.world.set_policies({"trainedModels": policies})
        model = self.world.model(**changes)
        self.world.drive()
        self.write(f"training-{model.id}", lines or [("stdout", "epoch 1"), ("stderr", "warning 2")])
        return self.record(model.id)

    def record(self, model_id: str) -> Any:
        with self.world.store.reading() as tx:
            return tx.trained_models.get(model_id)

    def write(
        self, run_id: str, lines: list[tuple[str, str]], host: str = "algo-1", first_ms: int | None = None
    ) -> None:
        writer = LogWriter(str(self.folder / f"{run_id}.jsonl"), limit_bytes=1 << 30, line_characters=1 << 16)
        start = first_ms if first_ms is not None else int(self.world.clock().timestamp() * 1000)
        for number, (stream, text) in enumerate(lines):
            if stream == "platform":
                writer.note(start + number, host, text)
            else:
                writer.add(start + number, host, stream, [text.encode()])
        writer.close()

    def streams(self, account: str, group: str = MODELS, **request: Any) -> list[str]:
        answer = self.call(account, "DescribeLogStreams", logGroupName=group, **request)
        return [stream["logStreamName"] for stream in answer["logStreams"]]

    def messages(self, account: str, group: str = MODELS, **request: Any) -> list[str]:
        """Every event of a group, through every page."""
        found: list[str] = []
        token: dict[str, str] = {}
        for _ in range(1000):
            answer = self.call(account, "FilterLogEvents", logGroupName=group, **request, **token)
            found += [event["message"] for event in answer["events"]]
            if "nextToken" not in answer:
                return found
            token = {"nextToken": answer["nextToken"]}
        raise AssertionError("The pages have no end.")

    def refused(self, fault: type[Fault], account: str, name: str, **request: Any) -> str:
        with pytest.raises(fault) as caught:
            self.call(account, name, **request)
        return caught.value.message


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.world.close()


def logs_of(*accounts: str, **rest: Any) -> dict[str, Any]:
    return {"containerLogs": [{"allowedAccountIds": list(accounts), **rest}]}


FAILED = RunEnd(
    EndReason.EXITED, exit_code=1, failure="secret: lost row 41", started_at_ms=1_767_268_800_000,
    ended_at_ms=1_767_268_900_000,
)  # fmt: skip


# -- who ------------------------------------------------------------------------------


def test_everyone_has_both_groups_of_runs_and_they_are_empty_but_for_those_whom_a_policy_names(desk: Desk) -> None:
    model = desk.run(logs_of(BOB))
    for account in (ALICE, BOB, DAVE):
        groups = desk.call(account, "DescribeLogGroups")["logGroups"]
        *_, jobs, models = groups
        assert [jobs["logGroupName"], models["logGroupName"]] == [JOBS, MODELS]
        assert jobs["logGroupArn"] == f"arn:aws:logs:us-east-1:{account}:log-group:{JOBS}"
    stream = f"{model.id}/NULL/algo-1"
    assert desk.streams(BOB) == [stream]
    assert desk.messages(BOB) == ["epoch 1", "warning 2"]
    for account in (ALICE, DAVE):
        assert desk.streams(account) == desk.messages(account) == []
        theirs = desk.refused(ResourceNotFound, account, "GetLogEvents", logGroupName=MODELS, logStreamName=stream)
        nobodys = desk.refused(ResourceNotFound, account, "GetLogEvents", logGroupName=MODELS, logStreamName="x")
        assert theirs == nobodys
        named = {"logGroupName": MODELS, "logStreamNames": [stream]}
        assert desk.refused(ResourceNotFound, account, "FilterLogEvents", **named) == nobodys


def test_groups_are_found_by_name_part_of_a_name_arn_and_class_page_by_page(desk: Desk) -> None:
    def names(**request: Any) -> list[str]:
        return [group["logGroupName"] for group in desk.call(DAVE, "DescribeLogGroups", **request)["logGroups"]]

    assert names() == names(logGroupNamePrefix="/aws/cleanroomsml") == names(logGroupClass="STANDARD") == [JOBS, MODELS]
    assert names(logGroupNamePrefix=MODELS) == names(logGroupIdentifiers=[MODELS]) == [MODELS]
    assert names(logGroupNamePattern="inference") == [JOBS]
    assert names(logGroupClass="INFREQUENT_ACCESS") == names(logGroupNamePrefix="/aws/lambda") == []
    page = desk.call(DAVE, "DescribeLogGroups", limit=1)
    assert [group["logGroupName"] for group in page["logGroups"]] == [JOBS]
    assert names(limit=1, nextToken=page["nextToken"]) == [MODELS]


def test_without_a_policy_nobody_reads(desk: Desk) -> None:
    desk.run({})
    assert desk.messages(ALICE) == desk.messages(BOB) == []
    desk.world.set_policies(None)
    assert desk.messages(ALICE) == desk.messages(BOB) == []


def test_a_member_without_a_configuration_when_the_run_began_reads_nothing_of_it(desk: Desk) -> None:
    desk.run(logs_of(ALICE, BOB))
    with desk.world.store.transaction() as tx:
        configuration = tx.ml_configurations.get(f"{BOB}-m")
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


# -- error summaries --------------------------------------------------------------------

ERRORS = {"logType": "ERROR_SUMMARY"}
WRITTEN = [
    ("platform", "Instances of 2 processors."),
    ("stdout", "row 41"),
    ("stderr", "Traceback (most recent call last):"),
    ("stderr", "ValueError: row 17"),
    ("platform", "Ended: the program ended with exit code 1."),
]


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


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_summary_is_read_by_pages_in_both_directions(desk: Desk, limit: int) -> None:
    desk.world.runtime.end = FAILED
    model = desk.run(logs_of(ALICE, **ERRORS), WRITTEN)
    stream = {"logGroupName": MODELS, "logStreamName": f"{model.id}/NULL/algo-1", "limit": limit}
    everything = desk.messages(ALICE)
    assert len(everything) == 5
    assert walk(desk, stream, forward=True) == everything
    assert walk(desk, stream, forward=False) == everything


# -- pages --------------------------------------------------------------------------------


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


def test_each_instance_has_a_stream_of_its_own(desk: Desk) -> None:
    config = {"instanceType": "ml.m5.xlarge", "volumeSizeInGB": 3, "instanceCount": 2}
    model = desk.run(logs_of(ALICE), resource_config=config)
    desk.write(f"training-{model.id}", [("stdout", "from the second")], host="algo-2")
    desk.write(f"training-{model.id}", [("platform", "of all")], host="")
    streams = desk.streams(ALICE)
    assert streams == [f"{model.id}/NULL/algo-1", f"{model.id}/NULL/algo-2"]
    for name, expected in zip(streams, [["epoch 1", "warning 2", "of all"], ["from the second"]], strict=True):
        events = desk.call(ALICE, "GetLogEvents", logGroupName=MODELS, logStreamName=name)["events"]
        assert [event["message"] for event in events] == expected
        assert desk.messages(ALICE, logStreamNames=[name]) == expected
        assert desk.messages(ALICE, logStreamNamePrefix=name) == expected


def test_an_inference_job_is_in_its_own_group_under_its_own_policy(desk: Desk) -> None:
    job = desk.world.inference_job()
    desk.world.set_policies({"trainedModels": logs_of(BOB), "trainedModelInferenceJobs": logs_of(ALICE)})
    desk.world.drive()
    desk.write(f"inference-{job.id}", [("stdout", "served")])
    assert desk.streams(ALICE, JOBS) == [f"{job.id}/algo-1"]
    assert desk.messages(ALICE, JOBS) == ["served"]
    assert desk.streams(BOB, JOBS) == desk.streams(ALICE) == []


def test_streams_are_listed_by_pages_by_name_or_by_time(desk: Desk) -> None:
    models = [desk.run(logs_of(ALICE)) for _ in range(5)]
    names = [f"{model.id}/NULL/algo-1" for model in models]
    for order, descending in (("LogStreamName", False), ("LogStreamName", True), ("LastEventTime", True)):
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            request = {"logGroupName": MODELS, "orderBy": order, "descending": descending, "limit": 2, **token}
            answer = desk.call(ALICE, "DescribeLogStreams", **request)
            assert len(answer["logStreams"]) <= 2
            found += [stream["logStreamName"] for stream in answer["logStreams"]]
            if "nextToken" not in answer:
                break
            token = {"nextToken": answer["nextToken"]}
        expected = names if order == "LastEventTime" else sorted(names)
        assert found == (expected[::-1] if descending else expected)
    assert desk.streams(ALICE, logStreamNamePrefix=names[3][:20]) == [names[3]]
    with pytest.raises(ValidationFault, match="LastEventTime"):
        desk.streams(ALICE, logStreamNamePrefix=names[3][:20], orderBy="LastEventTime")


# -- bad input ------------------------------------------------------------------------------


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
