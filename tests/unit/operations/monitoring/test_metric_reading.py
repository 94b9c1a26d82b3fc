"""Metrics of runs: who sees which, what noise is drawn from, and what noise keeps from a reader."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, COLUMNS, DAVE
from support.ml import Studio
from unit.operations.monitoring.measured import HIGH, ask, measured, names, query, values, write
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import INFERENCE_JOBS
from whiteroom.domain.observability.metrics import MetricKind
from whiteroom.operations.monitoring.metric_reading import question_of


def test_members_with_an_ml_configuration_see_the_metrics_and_nobody_else_any(
    studio: Studio, model: dict[str, str]
) -> None:
    seen = {account: names(studio, account) for account in (ALICE, BOB, CAROL, DAVE)}
    both = ["loss", "CPUUtilization"]
    assert seen == {ALICE: both, BOB: [], CAROL: both, DAVE: []}
    read = {account: values(studio, account, query(model)) for account in (ALICE, BOB, CAROL, DAVE)}
    assert read == {ALICE: [[3.5, 1.5]], BOB: [[]], CAROL: [[3.5, 1.5]], DAVE: [[]]}


def test_an_ml_configuration_that_came_after_the_run_began_opens_nothing(studio: Studio, model: dict[str, str]) -> None:
    studio.office.now += timedelta(seconds=1)
    studio.configure(BOB)
    assert names(studio, BOB) == []


def test_who_has_left_the_room_sees_nothing_any_more(studio: Studio, model: dict[str, str]) -> None:
    studio.office.cleanrooms(
        ALICE, "DeleteMember", collaborationIdentifier=studio.room.collaboration_id, accountId=CAROL
    )
    assert names(studio, CAROL) == []


def test_with_a_noise_level_custom_metrics_come_at_the_end_and_system_metrics_live(studio: Studio) -> None:
    studio.association_arn = studio.association(name="noisy", policies=HIGH)
    going_on = measured(studio, "going-on", running=True)
    assert names(studio) == ["CPUUtilization"]
    assert values(studio, CAROL, query(going_on)) == [[]]
    studio.advance_model(going_on, Event.SUCCEEDED, run_ended_at=studio.office.now)
    assert names(studio) == ["loss", "CPUUtilization"]
    (noisy,) = values(studio, CAROL, query(going_on))
    assert len(noisy) == 2
    assert not set(noisy) & {3.5, 1.5}
    assert values(studio, CAROL, query(going_on)) == values(studio, ALICE, query(going_on)) == [noisy]


def test_metrics_status_says_nothing_before_noisy_metrics_are_out_and_the_details_say_why(studio: Studio) -> None:
    studio.association_arn = studio.association(name="noisy", policies=HIGH)
    going_on = measured(studio, "going-on", running=True)
    for told in whoever_looks(studio, going_on):
        assert told["metricsStatus"] is None
        assert "when the training has ended" in told["metricsStatusDetails"]
    studio.advance_model(going_on, Event.SUCCEEDED, run_ended_at=studio.office.now)
    for told in whoever_looks(studio, going_on):
        assert (told["metricsStatus"], told["metricsStatusDetails"]) == ("PUBLISH_SUCCEEDED", None)


def whoever_looks(studio: Studio, model: dict[str, str]) -> list[Any]:
    """The model as its maker sees it, and as another member does."""
    arn = {"trainedModelArn": model["trainedModelArn"]}
    room = {"collaborationIdentifier": studio.room.collaboration_id}
    return [
        studio.call("GetTrainedModel", ALICE, **arn),
        studio.office.ml(CAROL, "GetCollaborationTrainedModel", **arn, **room),
    ]


def test_every_statistic_is_computed_of_noisy_values(studio: Studio) -> None:
    studio.association_arn = studio.association(name="noisy", policies=HIGH)
    model = measured(studio, "noisy")
    exact = {"Average": [2.5], "Sum": [10.0], "Minimum": [1.0], "Maximum": [4.0], "p50": [2.5]}
    for stat, told in exact.items():
        assert values(studio, CAROL, query(model, stat, 3_600)) != [told]


def test_system_metrics_carry_no_noise(studio: Studio) -> None:
    studio.association_arn = studio.association(name="noisy", policies=HIGH)
    model = measured(studio, "noisy")
    asked = query(model)
    asked["MetricStat"]["Metric"]["MetricName"] = "CPUUtilization"
    assert values(studio, CAROL, asked) == [[50.0]]


def test_custom_metrics_of_a_deleted_association_are_hidden_since_nobody_knows_its_policy(
    studio: Studio, model: dict[str, str]
) -> None:
    with studio.office.store.transaction() as tx:
        association = tx.configured_model_algorithm_associations.find(arn=studio.association_arn)
        assert association is not None
        tx.configured_model_algorithm_associations.remove(association)
    assert names(studio) == ["CPUUtilization"]


def asked(studio: Studio, name: str, tables: tuple[str, ...] = (), **changes: Any) -> Any:
    """Of a training over BOB's table, or over others, what its noise is drawn from."""
    channel = studio.active_channel(f"{name}-rows")
    made = studio.model(name, channel, **changes)
    with studio.office.store.transaction() as tx:
        (rows,) = tx.ml_input_channels.all(arn=channel)
        more = (*rows.source_associations, *tables)
        tx.ml_input_channels.note(rows, actor="controller", at=studio.office.now, source_associations=more)
    with studio.office.store.reading() as tx:
        (record,) = tx.trained_models.all(arn=made["trainedModelArn"])
        return question_of(tx, record)


def test_a_table_of_ones_own_changes_no_noise(studio: Studio) -> None:
    """ALICE trains, with a table of hers beside BOB's, and with CAROL's."""
    own = studio.room.shared_table(ALICE, "dummy").association_id
    carols = studio.room.shared_table(CAROL, "visits").association_id
    plain, beside = asked(studio, "plain"), asked(studio, "beside", (own,))
    assert plain == beside
    assert plain.tables == (f"{BOB} lake.patients",)
    assert asked(studio, "three", (own, carols)).tables == (f"{BOB} lake.patients", f"{CAROL} lake.visits")


def test_a_table_that_is_configured_and_associated_anew_changes_no_noise(studio: Studio) -> None:
    before = asked(studio, "before")
    again = studio.office.cleanrooms(
        BOB,
        "CreateConfiguredTable",
        name="patients again",
        tableReference={"glue": {"databaseName": "lake", "tableName": "patients"}},
        allowedColumns=list(COLUMNS),
        analysisMethod="DIRECT_QUERY",
    )["configuredTable"]["id"]
    anew = studio.room.association(BOB, again, "patients2")
    assert asked(studio, "after", (anew,)) == before


def test_the_algorithm_and_all_that_the_run_was_given_are_what_noise_is_drawn_from(studio: Studio) -> None:
    definitions = [{"name": f"m{n}", "regex": f"m{n}=([0-9.]+)"} for n in range(40)]
    container = {"imageUri": "forest:1", "metricDefinitions": definitions}
    studio.algorithm_arn = studio.algorithm(name="forty", trainingContainerConfig=container)
    studio.association_arn = studio.association(name="forty", policies=HIGH)
    plain = asked(studio, "plain")
    assert plain.metrics == 40
    others = [
        asked(studio, "tuned", hyperparameters={"guess": "0.87"}),
        asked(studio, "placed", environment={"guess": "0.87"}),
    ]
    studio.association_arn = studio.association(name="forty again", policies=HIGH)
    others.append(asked(studio, "again"))
    assert len({plain, *others}) == 4
    assert {question.tables for question in others} == {plain.tables}


def test_noisy_metrics_are_not_shown_any_more_when_a_table_behind_them_was_taken_out(studio: Studio) -> None:
    studio.association_arn = studio.association(name="noisy", policies=HIGH)
    measured(studio, "noisy")
    assert names(studio) == ["loss", "CPUUtilization"]
    with studio.office.store.transaction() as tx:
        association = tx.configured_table_associations.get(studio.table.association_id)
        assert association is not None
        tx.configured_table_associations.remove(association)
    assert names(studio) == []


@pytest.mark.parametrize("printed", [[0.87], [0.87] * 5])
@pytest.mark.parametrize("spelled", ["0.87", "87e-2", "+.870"])
def test_what_was_passed_in_is_no_metric_under_a_noise_level(
    studio: Studio, printed: list[float], spelled: str
) -> None:
    studio.association_arn = studio.association(name="noisy", policies=HIGH)
    model = measured(studio, "echo", hyperparameters={"guess": spelled})
    write(studio, model["trainedModelArn"].rpartition("/")[2], MetricKind.CUSTOM, "echoed", printed)
    assert names(studio) == ["loss", "CPUUtilization"]


def test_an_inference_job_has_system_metrics_under_its_own_namespace(studio: Studio, model: dict[str, str]) -> None:
    job = studio.inference_job("scores", model["trainedModelArn"], studio.active_channel("to-score"))
    told = {"metrics_status": "PUBLISH_SUCCEEDED", "run_started_at": studio.office.now}
    studio.advance("trained_model_inference_jobs", job, Event.STARTED, **told)
    write(studio, job.rpartition("/")[2], MetricKind.SYSTEM, "MemoryUtilization", [1.0])
    (metric,) = ask(studio, "ListMetrics", Namespace=INFERENCE_JOBS)["Metrics"]
    assert metric["Dimensions"] == [
        {"Name": "TrainedModelInferenceJobArn", "Value": job},
        {"Name": "Host", "Value": "algo-1"},
    ]


def test_a_metric_whose_expression_matches_rows_tells_no_row_under_noise_however_it_is_read(studio: Studio) -> None:
    """A program that prints its rows, and a definition `age=([0-9]+)`: who reads the metric wants each age."""
    studio.association_arn = studio.association(name="noisy", policies=HIGH)
    model = measured(studio, "rows")
    ages = [float(37 * number % 91) for number in range(100)]
    write(studio, model["trainedModelArn"].rpartition("/")[2], MetricKind.CUSTOM, "age", ages)
    asked = query(model, "Sum", 30)
    asked["MetricStat"]["Metric"]["MetricName"] = "age"
    read = {stat: values(studio, CAROL, query_of(asked, stat))[0] for stat in ("Sum", "Average", "Maximum", "p50")}
    assert read["Sum"] == read["Average"] == read["Maximum"] == read["p50"]
    hits = sum(abs(shown - age) < 0.5 for shown, age in zip(read["Sum"], ages, strict=True))
    assert hits < 10
    # Nor is it told by the mean of all, by one period over all, or by the extremes.
    exact = {"Average": sum(ages) / 100, "Minimum": min(ages), "Maximum": max(ages), "Sum": sum(ages)}
    for stat, true in exact.items():
        ((told,),) = values(studio, CAROL, query_of(asked, stat, 3_600))
        assert abs(told - true) > 1


def query_of(asked: dict[str, Any], stat: str, period: int = 30) -> dict[str, Any]:
    """The same query for another statistic."""
    return {**asked, "MetricStat": {**asked["MetricStat"], "Stat": stat, "Period": period}}
