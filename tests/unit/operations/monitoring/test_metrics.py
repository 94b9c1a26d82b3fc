from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.cleanrooms import ALICE, BOB, CAROL, COLUMNS, DAVE, REGION, Office
from support.ml import Studio, a_studio
from whiteroom.base.callers import Caller
from whiteroom.base.faults import ValidationFault
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import INFERENCE_JOBS, TRAINED_MODELS
from whiteroom.domain.observability.metrics import MetricKind, MetricSeries, begin_reading, grow
from whiteroom.operations.context import Context
from whiteroom.operations.monitoring import metrics
from whiteroom.operations.monitoring.metric_reading import question_of
from whiteroom.operations.registry import MONITORING, handlers

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)
LOSSES = [4.0, 3.0, 2.0, 1.0]
"""One every half minute."""
HIGH = {"trainedModels": {"containerMetrics": {"noiseLevel": "HIGH"}}}


@pytest.fixture
def studio(office: Office) -> Studio:
    """ALICE and CAROL have ML configurations; BOB has none, and DAVE is no member."""
    studio = a_studio(office)
    for account in (ALICE, CAROL):
        studio.configure(account)
    return studio


@pytest.fixture
def model(studio: Studio) -> dict[str, str]:
    return measured(studio, "plain")


def measured(studio: Studio, name: str, *, running: bool = False, **changes: Any) -> dict[str, str]:
    """A training that has printed its losses, and taken half a CPU."""
    channel = studio.active_channel(f"{name}-rows")
    model = studio.model(name, channel, **changes)
    events = [Event.STARTED] if running else [Event.STARTED, Event.SUCCEEDED]
    told = {"metrics_status": "PUBLISH_SUCCEEDED", "run_started_at": studio.office.now}
    studio.advance_model(model, *events, **told, **({} if running else {"run_ended_at": studio.office.now}))
    write(studio, model["trainedModelArn"].rpartition("/")[2], MetricKind.CUSTOM, "loss", LOSSES)
    write(studio, model["trainedModelArn"].rpartition("/")[2], MetricKind.SYSTEM, "CPUUtilization", [50.0])
    return model


def write(studio: Studio, record_id: str, kind: MetricKind, name: str, values: list[float]) -> None:
    series = MetricSeries(record_id, kind, name, "algo-1")
    found = [(NOON_MS + 30_000 * number, value) for number, value in enumerate(values)]
    with studio.office.store.transaction() as tx:
        reading = begin_reading(f"{record_id}-{kind}-{name}", record_id, [], 1)
        tx.metrics.advance(reading, [grow(series, found, 10_000)])


def ask(studio: Studio, operation: str, account: str = CAROL, /, **request: Any) -> Any:
    return studio.office.call(account, MONITORING, operation, **request)


def names(studio: Studio, account: str = CAROL, /, **request: Any) -> list[str]:
    return [metric["MetricName"] for metric in ask(studio, "ListMetrics", account, **request)["Metrics"]]


def dimensions(model: dict[str, str], host: str = "algo-1") -> list[dict[str, str]]:
    values = {
        "TrainedModelArn": model["trainedModelArn"],
        "VersionIdentifier": model["versionIdentifier"],
        "Host": host,
    }
    return [{"Name": name, "Value": value} for name, value in values.items()]


def query(model: dict[str, str], stat: str = "Average", period: int = 60, **changes: Any) -> dict[str, Any]:
    metric = {"Namespace": TRAINED_MODELS, "MetricName": "loss", "Dimensions": dimensions(model)}
    return {"Id": "q", "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, **changes}


def data(studio: Studio, account: str, *queries: dict[str, Any], **changes: Any) -> Any:
    span = {"StartTime": NOON, "EndTime": NOON + timedelta(hours=1), "ScanBy": "TimestampAscending"}
    return ask(studio, "GetMetricData", account, **{"MetricDataQueries": list(queries), **span, **changes})


def values(studio: Studio, account: str, *queries: dict[str, Any], **changes: Any) -> list[list[float]]:
    return [result["Values"] for result in data(studio, account, *queries, **changes)["MetricDataResults"]]


def refused(studio: Studio, operation: str, **request: Any) -> str:
    span = {} if operation == "ListMetrics" else {"StartTime": NOON, "EndTime": NOON + timedelta(hours=1)}
    office, who = studio.office, Caller(CAROL, REGION)
    with office.store.reading() as tx:
        context = Context(caller=who, tx=tx, now=NOON, catalog=office.catalog, deployment=office.deployment)
        with pytest.raises(ValidationFault) as caught:
            handlers()[MONITORING, operation]({**span, **request}, context)
    assert caught.value.message.endswith(".")
    return caught.value.message


# -- who sees what -----------------------------------------------------------------------


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


# -- what noise is drawn from ------------------------------------------------------------


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


# -- ListMetrics -------------------------------------------------------------------------


def test_a_metric_is_listed_with_what_it_is_asked_for_by(studio: Studio, model: dict[str, str]) -> None:
    (metric,) = ask(studio, "ListMetrics", MetricName="loss")["Metrics"]
    assert metric == {"Namespace": TRAINED_MODELS, "MetricName": "loss", "Dimensions": dimensions(model)}


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"Namespace": TRAINED_MODELS}, 2),
        ({"Namespace": INFERENCE_JOBS}, 0),
        ({"Namespace": "AWS/EC2"}, 0),
        ({"MetricName": "Loss"}, 0),
        ({"Dimensions": [{"Name": "Host"}]}, 2),
        ({"Dimensions": [{"Name": "Host", "Value": "algo-1"}]}, 2),
        ({"Dimensions": [{"Name": "Host", "Value": "algo-2"}]}, 0),
        ({"Dimensions": [{"Name": "InstanceId"}]}, 0),
        ({"Dimensions": [{"Name": "TrainedModelArn", "Value": "arn:of:nothing"}]}, 0),
        ({"RecentlyActive": "PT3H"}, 0),
        ({"OwningAccount": CAROL}, 2),
    ],
)
def test_metrics_are_found_by_namespace_name_and_dimensions(
    studio: Studio, model: dict[str, str], request_: dict[str, Any], expected: int
) -> None:
    studio.office.now = NOON + timedelta(hours=4)
    assert len(names(studio, **request_)) == expected


def test_a_program_that_calls_a_metric_like_the_systems_is_kept_apart_from_it(
    studio: Studio, model: dict[str, str]
) -> None:
    write(studio, model["trainedModelArn"].rpartition("/")[2], MetricKind.CUSTOM, "CPUUtilization", [7.0])
    asked = query(model)
    asked["MetricStat"]["Metric"]["MetricName"] = "CPUUtilization"
    assert values(studio, CAROL, asked) == [[50.0]]
    asked["MetricStat"]["Metric"]["Dimensions"].append({"Name": "MetricType", "Value": "Custom"})
    assert values(studio, CAROL, asked) == [[7.0]]


def test_pages_of_metrics_hold_each_of_them_once(
    studio: Studio, model: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "METRICS_PER_PAGE", 3)
    record_id = model["trainedModelArn"].rpartition("/")[2]
    for number in range(5):
        write(studio, record_id, MetricKind.CUSTOM, f"m{number}", [1.0])
    pages = list(pages_of(studio, "ListMetrics", Namespace=TRAINED_MODELS))
    assert [len(page["Metrics"]) for page in pages] == [3, 3, 1]
    assert len({metric["MetricName"] for page in pages for metric in page["Metrics"]}) == 7


def pages_of(studio: Studio, operation: str, /, **request: Any) -> Iterator[Any]:
    page = ask(studio, operation, **request)
    yield page
    while page.get("NextToken"):
        page = ask(studio, operation, **request, NextToken=page["NextToken"])
        yield page


# -- GetMetricData and GetMetricStatistics -----------------------------------------------


def test_data_come_in_the_order_and_for_the_time_that_were_asked_for(studio: Studio, model: dict[str, str]) -> None:
    newest_first = data(studio, CAROL, query(model, period=30), ScanBy="TimestampDescending")["MetricDataResults"][0]
    assert newest_first["Values"] == LOSSES[::-1]
    assert newest_first["Timestamps"] == [NOON + timedelta(seconds=30 * number) for number in (3, 2, 1, 0)]
    assert (newest_first["Label"], newest_first["StatusCode"]) == ("loss", "Complete")
    span = {"StartTime": NOON + timedelta(seconds=30), "EndTime": NOON + timedelta(seconds=90)}
    assert values(studio, CAROL, query(model, period=30), **span) == [[3.0, 2.0]]
    # The start of a minute's period is the minute's, as CloudWatch has it.
    assert values(studio, CAROL, query(model), **span) == [[3.5, 2.0]]


def test_pages_of_data_hold_each_datapoint_once(studio: Studio, model: dict[str, str]) -> None:
    queries = [query(model, period=30, Id="a"), query(model, "Maximum", 60, Id="b"), query(model, "Sum", 3_600, Id="c")]
    span = {"StartTime": NOON, "EndTime": NOON + timedelta(hours=1), "ScanBy": "TimestampAscending"}
    for limit in range(1, 8):
        found: dict[str, list[float]] = {"a": [], "b": [], "c": []}
        for page in pages_of(studio, "GetMetricData", MetricDataQueries=queries, MaxDatapoints=limit, **span):
            assert 0 < sum(len(result["Values"]) for result in page["MetricDataResults"]) <= limit
            for result in page["MetricDataResults"]:
                found[result["Id"]] += result["Values"]
        assert found == {"a": LOSSES, "b": [4.0, 2.0], "c": [10.0]}


def test_a_page_reads_no_more_points_than_one_query_has_over_the_limit(
    studio: Studio, model: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "DATAPOINTS", 4)
    span = {"StartTime": NOON, "EndTime": NOON + timedelta(hours=1)}
    queries = [query(model, period=3_600, Id=name) for name in "abc"]
    pages = list(pages_of(studio, "GetMetricData", MetricDataQueries=queries, **span))
    assert [[result["Id"] for result in page["MetricDataResults"]] for page in pages] == [["a"], ["b"], ["c"]]


def test_statistics_of_one_metric_come_together(studio: Studio, model: dict[str, str]) -> None:
    answer = ask(
        studio,
        "GetMetricStatistics",
        Namespace=TRAINED_MODELS,
        MetricName="loss",
        Dimensions=dimensions(model),
        StartTime=NOON,
        EndTime=NOON + timedelta(hours=1),
        Period=60,
        Statistics=["Average", "Sum", "Minimum", "Maximum", "SampleCount"],
        ExtendedStatistics=["p100"],
    )
    first, second = answer["Datapoints"]
    assert (first["Timestamp"], second["Timestamp"]) == (NOON, NOON + timedelta(minutes=1))
    told = {"Average": 3.5, "Sum": 7.0, "Minimum": 3.0, "Maximum": 4.0, "SampleCount": 2.0}
    assert {name: first[name] for name in told} == told
    assert (first["ExtendedStatistics"], first["Unit"], answer["Label"]) == ({"p100": 4.0}, "None", "loss")


def test_what_no_metric_answers_to_is_no_error(studio: Studio, model: dict[str, str]) -> None:
    fewer, wrong_unit = query(model), query(model)
    fewer["MetricStat"]["Metric"]["Dimensions"].pop()
    wrong_unit["MetricStat"]["Unit"] = "Percent"
    assert values(studio, CAROL, fewer) == values(studio, CAROL, wrong_unit) == [[]]
    assert data(studio, CAROL, query(model, ReturnData=False))["MetricDataResults"] == []


def test_each_series_comes_under_its_own_id_and_label_unless_it_is_not_returned(
    studio: Studio, model: dict[str, str]
) -> None:
    asked = [query(model, Id="a", Label="first"), query(model, "Sum", Id="b"), query(model, Id="c", ReturnData=False)]
    found = data(studio, CAROL, *asked)["MetricDataResults"]
    assert [(one["Id"], one["Label"]) for one in found] == [("a", "first"), ("b", "loss")]


def test_a_metric_is_found_by_all_of_its_dimensions_in_its_own_unit(studio: Studio, model: dict[str, str]) -> None:
    def statistics(**changes: Any) -> list[float]:
        span = {"StartTime": NOON, "EndTime": NOON + timedelta(hours=1), "Period": 3_600, "Statistics": ["Sum"]}
        metric = {"Namespace": TRAINED_MODELS, "MetricName": "loss", "Dimensions": dimensions(model)}
        points = ask(studio, "GetMetricStatistics", CAROL, **{**metric, **span, **changes})["Datapoints"]
        return [point["Sum"] for point in points]

    elsewhere = query(model)
    elsewhere["MetricStat"]["Metric"]["Dimensions"] = dimensions(model, "algo-2")
    assert values(studio, CAROL, query(model), elsewhere | {"Id": "e"}) == [[3.5, 1.5], []]
    assert statistics() == [10.0]
    assert statistics(Dimensions=dimensions(model, "algo-2")) == []
    assert statistics(Unit="Percent") == []
    assert statistics(MetricName="other") == statistics(Namespace="other") == []


MODEL = {"trainedModelArn": "arn", "versionIdentifier": "NULL"}
METRIC = {"Namespace": TRAINED_MODELS, "MetricName": "loss"}


@pytest.mark.parametrize(
    ("operation", "request_", "said"),
    [
        ("ListMetrics", {"IncludeLinkedAccounts": True}, "IncludeLinkedAccounts"),
        ("ListMetrics", {"OwningAccount": ALICE}, ALICE),
        ("ListMetrics", {"NextToken": "x"}, "NextToken"),
        ("ListMetrics", {"NextToken": "W10="}, "NextToken"),
        ("ListMetrics", {"NextToken": "WyJhYiIsIC0xXQ=="}, "NextToken"),
        ("GetMetricData", {"MetricDataQueries": []}, "from 1 to 500"),
        ("GetMetricData", {"MetricDataQueries": [query(MODEL)] * 501}, "from 1 to 500"),
        ("GetMetricData", {"MetricDataQueries": [query(MODEL)] * 2}, "unique"),
        ("GetMetricData", {"MetricDataQueries": [query(MODEL, Id="A")]}, "lower-case"),
        ("GetMetricData", {"MetricDataQueries": [{"Id": "e", "Expression": "q * 2"}]}, "metric math"),
        ("GetMetricData", {"MetricDataQueries": [{"Id": "e"}]}, "MetricStat"),
        ("GetMetricData", {"MetricDataQueries": [query(MODEL, Period=60)]}, "MetricStat.Period"),
        ("GetMetricData", {"MetricDataQueries": [query(MODEL, AccountId=ALICE)]}, ALICE),
        ("GetMetricData", {"MetricDataQueries": [query(MODEL, Label="${MAX}")]}, "dynamic labels"),
        ("GetMetricData", {"MetricDataQueries": [query(MODEL, "TM(10%:90%)")]}, "TM"),
        ("GetMetricData", {"MetricDataQueries": [query(MODEL, period=7)]}, "multiple of 60"),
        ("GetMetricData", {"MetricDataQueries": [query(MODEL)], "MaxDatapoints": 0}, "MaxDatapoints"),
        ("GetMetricData", {"MetricDataQueries": [query(MODEL)], "EndTime": NOON}, "StartTime"),
        ("GetMetricStatistics", {**METRIC, "Period": 60}, "Statistics"),
        ("GetMetricStatistics", {**METRIC, "Period": 60, "ExtendedStatistics": ["Average"]}, "percentiles"),
        ("GetMetricStatistics", {**METRIC, "Period": 1, "Statistics": ["Sum"]}, "1,440"),
        ("GetMetricStatistics", {**METRIC, "Period": 60, "ExtendedStatistics": ["IQM"]}, "IQM"),
    ],
)
def test_what_is_not_done_is_refused_by_name(
    studio: Studio, operation: str, request_: dict[str, Any], said: str
) -> None:
    assert said in refused(studio, operation, **request_)


def test_a_token_is_good_for_the_request_that_it_was_answered_to(studio: Studio, model: dict[str, str]) -> None:
    page = data(studio, CAROL, query(model, period=30), MaxDatapoints=1)
    said = refused(studio, "GetMetricData", MetricDataQueries=[query(model)], NextToken=page["NextToken"])
    assert "NextToken" in said


# -- attacks -----------------------------------------------------------------------------


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
