"""Every noun's plan against its state table: each status, each observation."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from support.fakes import EXITED, NOON
from support.shapes import service_model
from support.worlds.driven import World
from support.worlds.records import a_query
from whiteroom.domain.execution.failures import MEANING, OF_QUERY_FAILURE, OF_RUN_END, StatusCode, run_message
from whiteroom.domain.execution.lifecycle import Event, Lifecycle
from whiteroom.domain.execution.queries import QueryFailure, QueryObservation, QueryResult
from whiteroom.domain.execution.query_runs import RESTARTS_ALLOWED
from whiteroom.domain.execution.retries import OF_THE_MACHINE, RETRIES_ALLOWED, Retry
from whiteroom.domain.execution.runs import ABSENT, RUNNING, EndReason, Observation, Phase, RunEnd
from whiteroom.domain.execution.steps import WAIT, Effect, Failure, Step
from whiteroom.domain.privacy.judgements import kept
from whiteroom.domain.privacy.query_facts import JudgedTable, Judgement, QueryFacts
from whiteroom.domain.resources import (
    ml_input_channels,
    protected_queries,
    trained_model_export_jobs,
    trained_model_inference_jobs,
    trained_models,
)
from whiteroom.domain.resources.ml_input_channels import Surroundings

RUNS = [ABSENT, RUNNING, Observation(Phase.ENDED, EXITED)] + [
    Observation(Phase.ENDED, RunEnd(reason, "It ended.", exit_code=code)) for reason in EndReason for code in (None, 1)
]
RESULT = QueryResult(7, ("a.csv", "b.csv"), 100, ("Flights",))
JUDGEMENT = Judgement(QueryFacts({"Flights": frozenset()}), (), (JudgedTable("Flights", "a1", "r", None, None),))
HALTS = (None, Failure(StatusCode.REVOKED_BY_OWNER, "Its owner has taken it back."))
QUERIES = [
    QueryObservation(Phase.ABSENT),
    QueryObservation(Phase.RUNNING),
    QueryObservation(Phase.ENDED, RESULT, judgement=JUDGEMENT),
    QueryObservation(Phase.RUNNING, judgement=JUDGEMENT),
    *(QueryObservation(Phase.ENDED, failure=failure) for failure in QueryFailure),
]
AROUND = Surroundings(member_active=True, payer_active=True, in_use=False)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    world = World(Path(tmp_path_factory.mktemp("room")))
    channel = world.channel()
    model = world.model(channels=(channel,))
    records = {
        "channel": channel,
        "model": model,
        "inference": world.inference_job(model=model, channel=channel),
        "export": world.export_job(model=model),
    }
    world.close()
    return records


def sound(lifecycle: Lifecycle[Any], status: Any, step: Step) -> None:
    """A step's events are in the table, and it never waits for ever in a status that must be left."""
    if step.event is not None:
        assert lifecycle.accepts(status, step.event)
    assert (step.failure is not None) == (step.event is Event.FAILED)
    if step.effect is not None:
        # An effect can fail where the table has a way to fail, or cannot be refused at all.
        assert lifecycle.accepts(status, Event.FAILED) or step.effect in {Effect.STOP, Effect.GATHER}


RETRIES = [*product(range(RETRIES_ALLOWED + 1), (None, *Retry))]


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("digest", [None, "sha256:1"])
def test_every_planned_event_of_a_model_is_in_the_state_table(
    records: dict[str, Any], digest: str | None, active: bool
) -> None:
    for status, seen, late, (retries, retry), halt in product(trained_models.Status, RUNS, (0, 1_000), RETRIES, HALTS):
        model = dataclasses.replace(records["model"], status=status, image_digest=digest, retries=retries, retry=retry)
        now = model.updated_at + timedelta(seconds=late)
        step = trained_models.plan(model, seen, now, member_active=active, grace_seconds=5, halt=halt)
        sound(trained_models.LIFECYCLE, status, step)
        if trained_models.LIFECYCLE.at_rest(status):
            assert step == WAIT


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("digest", [None, "sha256:1"])
def test_every_planned_event_of_an_inference_job_is_in_the_state_table(
    records: dict[str, Any], digest: str | None, active: bool
) -> None:
    statuses = trained_model_inference_jobs.Status
    for status, seen, late, (retries, retry), halt in product(statuses, RUNS, (0, 1_000), RETRIES, HALTS):
        job = dataclasses.replace(
            records["inference"], status=status, image_digest=digest, retries=retries, retry=retry
        )
        now = job.updated_at + timedelta(seconds=late)
        step = trained_model_inference_jobs.plan(job, seen, now, member_active=active, grace_seconds=5, halt=halt)
        sound(trained_model_inference_jobs.LIFECYCLE, status, step)
        if trained_model_inference_jobs.LIFECYCLE.at_rest(status):
            assert step == WAIT


def test_every_planned_event_of_an_export_job_is_in_the_state_table(records: dict[str, Any]) -> None:
    for status, active, halt in product(trained_model_export_jobs.Status, (True, False), HALTS):
        job = dataclasses.replace(records["export"], status=status)
        step = trained_model_export_jobs.plan(job, member_active=active, halt=halt)
        sound(trained_model_export_jobs.LIFECYCLE, status, step)
        assert (step == WAIT) == trained_model_export_jobs.LIFECYCLE.at_rest(status)


def test_every_planned_event_of_a_channel_is_in_the_state_table(records: dict[str, Any]) -> None:
    flags = product(
        *((True, False), (True, False), (True, False), HALTS),
        (0, RESTARTS_ALLOWED),
        (None, NOON - timedelta(1), NOON + timedelta(1)),
    )
    for (active, paid, in_use, halt, restarts, expires_at), status, seen in product(
        flags, ml_input_channels.Status, QUERIES
    ):
        channel = dataclasses.replace(records["channel"], status=status, expires_at=expires_at, restarts=restarts)
        around = Surroundings(active, paid, in_use, halt)
        sound(ml_input_channels.LIFECYCLE, status, ml_input_channels.plan(channel, seen, NOON, around))


def test_every_planned_event_of_a_members_query_is_in_the_state_table() -> None:
    flags = product((True, False), (True, False), (0, RESTARTS_ALLOWED), HALTS)
    for (active, paid, restarts, halt), status, seen in product(flags, protected_queries.ProtectedQueryStatus, QUERIES):
        around = protected_queries.Surroundings(active, paid, halt)
        step = protected_queries.plan(a_query(status=status, restarts=restarts), seen, NOON, around)
        sound(protected_queries.LIFECYCLE, status, step)
        if protected_queries.LIFECYCLE.at_rest(status):
            assert step == WAIT


def test_a_query_that_ran_out_of_time_has_a_status_of_its_own() -> None:
    query = a_query(status=protected_queries.ProtectedQueryStatus.STARTED)
    around = protected_queries.Surroundings(member_active=True, payer_active=True)
    seen = QueryObservation(Phase.ENDED, failure=QueryFailure.TIMEOUT, message="Too long.")
    step = protected_queries.plan(query, seen, NOON, around)
    assert protected_queries.LIFECYCLE.next(query.status, Event.EXPIRED) == "TIMED_OUT"
    assert (step.event, step.changes["status_message"]) == (Event.EXPIRED, "Too long.")


def test_the_statuses_of_a_query_are_those_of_the_service_model_and_all_can_be_reached() -> None:
    model = service_model("cleanrooms").shape_for("ProtectedQueryStatus").enum
    assert [status.value for status in protected_queries.ProtectedQueryStatus] == model
    table = protected_queries.LIFECYCLE.table
    reached = {after for events in table.values() for after in events.values()}
    assert reached | {protected_queries.LIFECYCLE.initial} == set(table) == set(protected_queries.ProtectedQueryStatus)


@pytest.mark.parametrize("seen", RUNS[3:])
def test_every_other_end_of_a_run_is_a_failure_with_its_own_code(records: dict[str, Any], seen: Observation) -> None:
    model = dataclasses.replace(records["model"], status=trained_models.Status.CREATE_IN_PROGRESS)
    step = trained_models.plan(model, seen, NOON, member_active=True, grace_seconds=5)
    assert seen.end is not None
    if seen.end.reason in OF_THE_MACHINE:
        model = dataclasses.replace(model, retries=RETRIES_ALLOWED)
        step = trained_models.plan(model, seen, NOON, member_active=True, grace_seconds=5)
    assert step.failure is not None
    assert step.failure.code is OF_RUN_END[seen.end.reason]
    assert step.failure.message.startswith("It ended.")


def test_every_end_of_a_run_or_a_query_has_a_documented_code() -> None:
    assert set(OF_RUN_END) == set(EndReason)
    assert set(OF_QUERY_FAILURE) == set(QueryFailure)
    assert set(MEANING) == set(StatusCode)


@pytest.mark.parametrize("kind", ["model", "inference"])
@pytest.mark.parametrize("reason", EndReason)
def test_what_died_of_the_machine_is_tried_again_twice_and_nothing_else_is(
    records: dict[str, Any], reason: EndReason, kind: str
) -> None:
    module: Any = {"model": trained_models, "inference": trained_model_inference_jobs}[kind]
    seen = Observation(Phase.ENDED, RunEnd(reason, "It ended.", exit_code=1))
    counted = []
    for retries in range(RETRIES_ALLOWED + 2):
        record = dataclasses.replace(records[kind], status=module.Status.CREATE_IN_PROGRESS, retries=retries)
        step = module.plan(record, seen, NOON, member_active=True, grace_seconds=5)
        counted.append(step.changes.get("retries"))
        assert (step.event is Event.FAILED) is (step.changes.get("retries") is None)
    assert counted == ([1, 2, None, None] if reason in {EndReason.MACHINE, EndReason.LOST} else [None] * 4)


@pytest.mark.parametrize("seen", RUNS)
def test_a_retry_under_way_is_finished_whatever_is_seen_of_its_run(records: dict[str, Any], seen: Observation) -> None:
    status = trained_models.Status.CREATE_IN_PROGRESS
    planned = []
    for retry in Retry:
        model = dataclasses.replace(records["model"], status=status, retries=1, retry=retry)
        step = trained_models.plan(model, seen, NOON, member_active=True, grace_seconds=5)
        planned.append((step.effect, step.event, step.changes))
    assert planned == [
        (Effect.FORGET, None, {"retry": Retry.STARTING}),
        (Effect.START, None, {"retry": None}),
    ]


def test_the_failure_file_is_the_message(records: dict[str, Any]) -> None:
    model = dataclasses.replace(records["model"], status=trained_models.Status.CREATE_IN_PROGRESS)
    end = RunEnd(EndReason.EXITED, "The program exited with 1.", exit_code=1, failure="no such column")
    step = trained_models.plan(model, Observation(Phase.ENDED, end), NOON, member_active=True, grace_seconds=5)
    assert step.failure is not None
    assert (step.failure.code, step.failure.message) == (StatusCode.ALGORITHM_ERROR, "no such column")


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (RunEnd(EndReason.EXITED, exit_code=1, failure="bad", host="algo-3", instances=3), "algo-3: bad"),
        (RunEnd(EndReason.MEMORY, "Too much.", host="algo-2", instances=2), "algo-2: Too much."),
        (
            RunEnd(EndReason.EXITED, exit_code=3, host="algo-2", instances=2),
            "algo-2: " + run_message(RunEnd(EndReason.EXITED, exit_code=3)),
        ),
        (RunEnd(EndReason.MAX_RUNTIME, "Too long.", instances=2), "Too long."),
        (RunEnd(EndReason.EXITED, exit_code=1, failure="bad"), "bad"),
    ],
)
def test_the_instance_that_failed_is_named_where_there_are_several(end: RunEnd, message: str) -> None:
    assert run_message(end) == message


def test_a_program_that_a_signal_ended_is_said_to_have_been() -> None:
    assert "exit code 137 (signal 9)" in run_message(RunEnd(EndReason.EXITED, exit_code=137))


def test_a_crash_points_those_who_may_read_its_log_there_and_else_says_that_nobody_may() -> None:
    crash = RunEnd(EndReason.EXITED, exit_code=1)
    group = "/aws/cleanroomsml/TrainedModels"
    told = run_message(dataclasses.replace(crash, log_group=group))
    assert told.endswith(f"The members whom its log policy names read what it printed: `aws logs tail {group}`.")
    assert "operator" not in told
    assert "No containerLogs policy" in run_message(crash)


def test_a_failure_without_words_says_what_its_code_means(records: dict[str, Any]) -> None:
    model = dataclasses.replace(records["model"], status=trained_models.Status.CREATE_IN_PROGRESS)
    seen = Observation(Phase.ENDED, RunEnd(EndReason.MEMORY))
    step = trained_models.plan(model, seen, NOON, member_active=True, grace_seconds=5)
    assert step.failure is not None
    assert step.failure.message == "The program used more memory than its instance type has."


@pytest.mark.parametrize("retries", [0, 1])
def test_a_run_that_vanished_is_not_started_again(records: dict[str, Any], retries: int) -> None:
    status = trained_models.Status.CREATE_IN_PROGRESS
    model = dataclasses.replace(records["model"], status=status, retries=retries)
    step = trained_models.plan(model, ABSENT, NOON, member_active=True, grace_seconds=5)
    assert (step.effect, step.event) == (None, Event.FAILED)
    assert step.failure is not None
    assert step.failure.code is StatusCode.INSTANCE_LOST


def test_a_stop_is_repeated_only_when_it_is_overdue(records: dict[str, Any]) -> None:
    model = dataclasses.replace(records["model"], status=trained_models.Status.CANCEL_IN_PROGRESS, updated_at=NOON)
    plans = [
        trained_models.plan(model, RUNNING, NOON + timedelta(seconds=s), member_active=True, grace_seconds=5).effect
        for s in (1, 15, 16)
    ]
    assert plans == [None, None, Effect.STOP]


def test_a_run_that_ended_well_before_its_cancel_was_seen_stays_cancelled(records: dict[str, Any]) -> None:
    model = dataclasses.replace(records["model"], status=trained_models.Status.CANCEL_IN_PROGRESS)
    step = trained_models.plan(model, RUNS[2], NOON, member_active=True, grace_seconds=5)
    assert step.event is Event.STOPPED


def test_a_full_channel_says_what_it_holds_and_until_when(records: dict[str, Any]) -> None:
    channel = dataclasses.replace(
        records["channel"], status=ml_input_channels.Status.CREATE_IN_PROGRESS, retention_in_days=30
    )
    step = ml_input_channels.plan(channel, QUERIES[2], NOON, AROUND)
    assert step.event is Event.SUCCEEDED
    assert step.due_at == NOON + timedelta(days=30)
    assert step.changes == {
        "source_associations": ("a1",),
        "judgement": kept(JUDGEMENT),
        "number_of_records": 7,
        "number_of_files": 2,
        "size_bytes": 100,
        "expires_at": NOON + timedelta(days=30),
    }


@pytest.mark.parametrize("seen", [QUERIES[2], QUERIES[3]])
def test_a_query_whose_table_is_taken_back_ends_and_its_rows_are_not_kept(
    records: dict[str, Any], seen: QueryObservation
) -> None:
    channel = dataclasses.replace(records["channel"], status=ml_input_channels.Status.CREATE_IN_PROGRESS)
    around = dataclasses.replace(AROUND, halt=HALTS[1])
    of_a_member = protected_queries.Surroundings(True, True, HALTS[1])
    query = a_query(status=protected_queries.ProtectedQueryStatus.STARTED)
    for step in (
        ml_input_channels.plan(channel, seen, NOON, around),
        protected_queries.plan(query, seen, NOON, of_a_member),
    ):
        assert step.failure == HALTS[1]
        assert step.effect is None
        assert step.changes["judgement"] == kept(JUDGEMENT)


@pytest.mark.parametrize("kind", ["model", "inference"])
@pytest.mark.parametrize("seen", RUNS)
def test_work_that_is_halted_ends_whatever_is_seen_of_its_run(
    records: dict[str, Any], seen: Observation, kind: str
) -> None:
    module: Any = {"model": trained_models, "inference": trained_model_inference_jobs}[kind]
    for status in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
        record = dataclasses.replace(records[kind], status=module.Status(status))
        step = module.plan(record, seen, NOON, member_active=True, grace_seconds=5, halt=HALTS[1])
        assert (step.effect, step.failure) == (None, HALTS[1])


def test_a_query_is_started_again_so_often_and_no_more(records: dict[str, Any]) -> None:
    channel = dataclasses.replace(records["channel"], status=ml_input_channels.Status.CREATE_IN_PROGRESS)
    effects: list[Effect | None] = []
    while len(effects) <= RESTARTS_ALLOWED:
        step = ml_input_channels.plan(channel, QUERIES[0], NOON, AROUND)
        effects.append(step.effect)
        channel = dataclasses.replace(channel, **({} if step.failure else step.changes))
    assert effects == [*[Effect.START] * RESTARTS_ALLOWED, None]


def test_making_synthetic_rows_is_begun_again_so_often_and_no_more(records: dict[str, Any]) -> None:
    channel = dataclasses.replace(
        records["channel"], status=ml_input_channels.Status.CREATE_IN_PROGRESS, synthetic_data_parameters={}
    )
    effects: list[Effect | None] = []
    while len(effects) <= RESTARTS_ALLOWED + 1:
        step = ml_input_channels.plan(channel, QUERIES[2], NOON, AROUND)
        effects.append(step.effect)
        channel = dataclasses.replace(channel, **({} if step.failure else step.changes))
    assert effects == [*[Effect.SYNTHESISE] * (RESTARTS_ALLOWED + 1), None]


def test_an_active_channel_waits_for_the_end_of_its_retention(records: dict[str, Any]) -> None:
    tomorrow = NOON + timedelta(days=1)
    channel = dataclasses.replace(records["channel"], status=ml_input_channels.Status.ACTIVE, expires_at=tomorrow)
    assert ml_input_channels.plan(channel, QUERIES[0], NOON, AROUND) == Step(due_at=tomorrow)
    assert ml_input_channels.plan(channel, QUERIES[0], tomorrow, AROUND).event is Event.EXPIRED
