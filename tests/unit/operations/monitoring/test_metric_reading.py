"""Metrics of runs: who sees which, what noise is drawn from, and what noise keeps from a reader."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from support.worlds.requests import ALICE, BOB, CAROL, COLUMNS, DAVE
from support.worlds.rooms import Room
from unit.operations.monitoring.measured import HIGH, ask, measured, names, query, values, write
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import INFERENCE_JOBS
from whiteroom.domain.observability.metrics import MetricKind
from whiteroom.operations.monitoring.metric_reading import question_of


def test_members_with_an_ml_configuration_see_the_metrics_and_nobody_else_any(
    room: Room, model: dict[str, str]
) -> None:
    seen = {account: names(room, account) for account in (ALICE, BOB, CAROL, DAVE)}
    both = ["loss", "CPUUtilization"]
    assert seen == {ALICE: both, BOB: [], CAROL: both, DAVE: []}
    read = {account: values(room, account, query(model)) for account in (ALICE, BOB, CAROL, DAVE)}
    assert read == {ALICE: [[3.5, 1.5]], BOB: [[]], CAROL: [[3.5, 1.5]], DAVE: [[]]}


def test_an_ml_configuration_that_came_after_the_run_began_opens_nothing(room: Room, model: dict[str, str]) -> None:
    room.server.now += timedelta(seconds=1)
    room.configure(BOB)
    assert names(room, BOB) == []


def test_who_has_left_the_room_sees_nothing_any_more(room: Room, model: dict[str, str]) -> None:
    room.server.cleanrooms(ALICE, "DeleteMember", collaborationIdentifier=room.collaboration_id, accountId=CAROL)
    assert names(room, CAROL) == []


def test_with_a_noise_level_custom_metrics_come_at_the_end_and_system_metrics_live(room: Room) -> None:
    room.association_arn = room.association(name="noisy", policies=HIGH)
    going_on = measured(room, "going-on", running=True)
    assert names(room) == ["CPUUtilization"]
    assert values(room, CAROL, query(going_on)) == [[]]
    room.advance_model(going_on, Event.SUCCEEDED, run_ended_at=room.server.now)
    assert names(room) == ["loss", "CPUUtilization"]
    (noisy,) = values(room, CAROL, query(going_on))
    assert len(noisy) == 2
    assert not set(noisy) & {3.5, 1.5}
    assert values(room, CAROL, query(going_on)) == values(room, ALICE, query(going_on)) == [noisy]


def test_metrics_status_says_nothing_before_noisy_metrics_are_out_and_the_details_say_why(room: Room) -> None:
    room.association_arn = room.association(name="noisy", policies=HIGH)
    going_on = measured(room, "going-on", running=True)
    for told in whoever_looks(room, going_on):
        assert told["metricsStatus"] is None
        assert "when the training has ended" in told["metricsStatusDetails"]
    room.advance_model(going_on, Event.SUCCEEDED, run_ended_at=room.server.now)
    for told in whoever_looks(room, going_on):
        assert (told["metricsStatus"], told["metricsStatusDetails"]) == ("PUBLISH_SUCCEEDED", None)


def whoever_looks(room: Room, model: dict[str, str]) -> list[Any]:
    """The model as its maker sees it, and as another member does."""
    arn = {"trainedModelArn": model["trainedModelArn"]}
    return [
        room.call("GetTrainedModel", ALICE, **arn),
        room.server.ml(CAROL, "GetCollaborationTrainedModel", **arn, **room.here),
    ]


def test_every_statistic_is_computed_of_noisy_values(room: Room) -> None:
    room.association_arn = room.association(name="noisy", policies=HIGH)
    model = measured(room, "noisy")
    exact = {"Average": [2.5], "Sum": [10.0], "Minimum": [1.0], "Maximum": [4.0], "p50": [2.5]}
    for stat, told in exact.items():
        assert values(room, CAROL, query(model, stat, 3_600)) != [told]


def test_system_metrics_carry_no_noise(room: Room) -> None:
    room.association_arn = room.association(name="noisy", policies=HIGH)
    model = measured(room, "noisy")
    asked = query(model)
    asked["MetricStat"]["Metric"]["MetricName"] = "CPUUtilization"
    assert values(room, CAROL, asked) == [[50.0]]


def test_custom_metrics_of_a_deleted_association_are_hidden_since_nobody_knows_its_policy(
    room: Room, model: dict[str, str]
) -> None:
    with room.server.store.transaction() as tx:
        association = tx.configured_model_algorithm_associations.find(arn=room.association_arn)
        assert association is not None
        tx.configured_model_algorithm_associations.remove(association)
    assert names(room) == ["CPUUtilization"]


def asked(room: Room, name: str, tables: tuple[str, ...] = (), **changes: Any) -> Any:
    """Of a training over BOB's table, or over others, what its noise is drawn from."""
    channel = room.active_channel(f"{name}-rows")
    made = room.model(name, channel, **changes)
    with room.server.store.transaction() as tx:
        (rows,) = tx.ml_input_channels.all(arn=channel)
        more = (*rows.source_associations, *tables)
        tx.ml_input_channels.note(rows, actor="controller", at=room.server.now, source_associations=more)
    with room.server.store.reading() as tx:
        (record,) = tx.trained_models.all(arn=made["trainedModelArn"])
        return question_of(tx, record)


def test_a_table_of_ones_own_changes_no_noise(room: Room) -> None:
    """ALICE trains, with a table of hers beside BOB's, and with CAROL's."""
    own = room.shared_table(ALICE, "dummy").association_id
    carols = room.shared_table(CAROL, "visits").association_id
    plain, beside = asked(room, "plain"), asked(room, "beside", (own,))
    assert plain == beside
    assert plain.tables == (f"{BOB} lake.patients",)
    assert asked(room, "three", (own, carols)).tables == (f"{BOB} lake.patients", f"{CAROL} lake.visits")


def test_a_table_that_is_configured_and_associated_anew_changes_no_noise(room: Room) -> None:
    before = asked(room, "before")
    again = room.server.cleanrooms(
        BOB,
        "CreateConfiguredTable",
        name="patients again",
        tableReference={"glue": {"databaseName": "lake", "tableName": "patients"}},
        allowedColumns=list(COLUMNS),
        analysisMethod="DIRECT_QUERY",
    )["configuredTable"]["id"]
    anew = room.table_association(BOB, again, "patients2")
    assert asked(room, "after", (anew,)) == before


def test_the_algorithm_and_all_that_the_run_was_given_are_what_noise_is_drawn_from(room: Room) -> None:
    definitions = [{"name": f"m{n}", "regex": f"m{n}=([0-9.]+)"} for n in range(40)]
    container = {"imageUri": "forest:1", "metricDefinitions": definitions}
    room.algorithm_arn = room.algorithm(name="forty", trainingContainerConfig=container)
    room.association_arn = room.association(name="forty", policies=HIGH)
    plain = asked(room, "plain")
    assert plain.metrics == 40
    others = [
        asked(room, "tuned", hyperparameters={"guess": "0.87"}),
        asked(room, "placed", environment={"guess": "0.87"}),
    ]
    room.association_arn = room.association(name="forty again", policies=HIGH)
    others.append(asked(room, "again"))
    assert len({plain, *others}) == 4
    assert {question.tables for question in others} == {plain.tables}


def test_noisy_metrics_are_not_shown_any_more_when_a_table_behind_them_was_taken_out(room: Room) -> None:
    room.association_arn = room.association(name="noisy", policies=HIGH)
    measured(room, "noisy")
    assert names(room) == ["loss", "CPUUtilization"]
    with room.server.store.transaction() as tx:
        association = tx.configured_table_associations.get(room.table.association_id)
        assert association is not None
        tx.configured_table_associations.remove(association)
    assert names(room) == []


@pytest.mark.parametrize("printed", [[0.87], [0.87] * 5])
@pytest.mark.parametrize("spelled", ["0.87", "87e-2", "+.870"])
def test_what_was_passed_in_is_no_metric_under_a_noise_level(room: Room, printed: list[float], spelled: str) -> None:
    room.association_arn = room.association(name="noisy", policies=HIGH)
    model = measured(room, "echo", hyperparameters={"guess": spelled})
    write(room, model["trainedModelArn"].rpartition("/")[2], MetricKind.CUSTOM, "echoed", printed)
    assert names(room) == ["loss", "CPUUtilization"]


def test_an_inference_job_has_system_metrics_under_its_own_namespace(room: Room, model: dict[str, str]) -> None:
    job = room.inference_job("scores", model["trainedModelArn"], room.active_channel("to-score"))
    told = {"metrics_status": "PUBLISH_SUCCEEDED", "run_started_at": room.server.now}
    room.advance("trained_model_inference_jobs", job, Event.STARTED, **told)
    write(room, job.rpartition("/")[2], MetricKind.SYSTEM, "MemoryUtilization", [1.0])
    (metric,) = ask(room, "ListMetrics", Namespace=INFERENCE_JOBS)["Metrics"]
    assert metric["Dimensions"] == [
        {"Name": "TrainedModelInferenceJobArn", "Value": job},
        {"Name": "Host", "Value": "algo-1"},
    ]


def test_a_metric_whose_expression_matches_rows_tells_no_row_under_noise_however_it_is_read(room: Room) -> None:
    """A program that prints its rows, and a definition `age=([0-9]+)`: who reads the metric wants each age."""
    room.association_arn = room.association(name="noisy", policies=HIGH)
    model = measured(room, "rows")
    ages = [float(37 * number % 91) for number in range(100)]
    write(room, model["trainedModelArn"].rpartition("/")[2], MetricKind.CUSTOM, "age", ages)
    asked = query(model, "Sum", 30)
    asked["MetricStat"]["Metric"]["MetricName"] = "age"
    read = {stat: values(room, CAROL, query_of(asked, stat))[0] for stat in ("Sum", "Average", "Maximum", "p50")}
    assert read["Sum"] == read["Average"] == read["Maximum"] == read["p50"]
    hits = sum(abs(shown - age) < 0.5 for shown, age in zip(read["Sum"], ages, strict=True))
    assert hits < 10
    # Nor is it told by the mean of all, by one period over all, or by the extremes.
    exact = {"Average": sum(ages) / 100, "Minimum": min(ages), "Maximum": max(ages), "Sum": sum(ages)}
    for stat, true in exact.items():
        ((told,),) = values(room, CAROL, query_of(asked, stat, 3_600))
        assert abs(told - true) > 1


def query_of(asked: dict[str, Any], stat: str, period: int = 30) -> dict[str, Any]:
    """The same query for another statistic."""
    return {**asked, "MetricStat": {**asked["MetricStat"], "Stat": stat, "Period": period}}
