"""CloudWatch's operations on metrics: what is listed, and which numbers come for which request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from support.worlds.requests import ALICE, CAROL
from support.worlds.rooms import Room
from unit.operations.monitoring.measured import (
    LOSSES,
    NOON,
    ask,
    data,
    dimensions,
    names,
    query,
    refused,
    values,
    write,
)
from whiteroom.domain.execution.runs import INFERENCE_JOBS, TRAINED_MODELS
from whiteroom.domain.observability.metrics import MetricKind
from whiteroom.operations.monitoring import metrics


def test_a_metric_is_listed_with_what_it_is_asked_for_by(room: Room, model: dict[str, str]) -> None:
    (metric,) = ask(room, "ListMetrics", MetricName="loss")["Metrics"]
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
    room: Room, model: dict[str, str], request_: dict[str, Any], expected: int
) -> None:
    room.server.now = NOON + timedelta(hours=4)
    assert len(names(room, **request_)) == expected


def test_a_program_that_calls_a_metric_like_the_systems_is_kept_apart_from_it(
    room: Room, model: dict[str, str]
) -> None:
    write(room, model["trainedModelArn"].rpartition("/")[2], MetricKind.CUSTOM, "CPUUtilization", [7.0])
    asked = query(model)
    asked["MetricStat"]["Metric"]["MetricName"] = "CPUUtilization"
    assert values(room, CAROL, asked) == [[50.0]]
    asked["MetricStat"]["Metric"]["Dimensions"].append({"Name": "MetricType", "Value": "Custom"})
    assert values(room, CAROL, asked) == [[7.0]]


def test_pages_of_metrics_hold_each_of_them_once(
    room: Room, model: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "METRICS_PER_PAGE", 3)
    record_id = model["trainedModelArn"].rpartition("/")[2]
    for number in range(5):
        write(room, record_id, MetricKind.CUSTOM, f"m{number}", [1.0])
    pages = list(pages_of(room, "ListMetrics", Namespace=TRAINED_MODELS))
    assert [len(page["Metrics"]) for page in pages] == [3, 3, 1]
    assert len({metric["MetricName"] for page in pages for metric in page["Metrics"]}) == 7


def pages_of(room: Room, operation: str, /, **request: Any) -> Iterator[Any]:
    page = ask(room, operation, **request)
    yield page
    while page.get("NextToken"):
        page = ask(room, operation, **request, NextToken=page["NextToken"])
        yield page


def test_data_come_in_the_order_and_for_the_time_that_were_asked_for(room: Room, model: dict[str, str]) -> None:
    newest_first = data(room, CAROL, query(model, period=30), ScanBy="TimestampDescending")["MetricDataResults"][0]
    assert newest_first["Values"] == LOSSES[::-1]
    assert newest_first["Timestamps"] == [NOON + timedelta(seconds=30 * number) for number in (3, 2, 1, 0)]
    assert (newest_first["Label"], newest_first["StatusCode"]) == ("loss", "Complete")
    span = {"StartTime": NOON + timedelta(seconds=30), "EndTime": NOON + timedelta(seconds=90)}
    assert values(room, CAROL, query(model, period=30), **span) == [[3.0, 2.0]]
    # The start of a minute's period is the minute's, as CloudWatch has it.
    assert values(room, CAROL, query(model), **span) == [[3.5, 2.0]]


def test_pages_of_data_hold_each_datapoint_once(room: Room, model: dict[str, str]) -> None:
    queries = [query(model, period=30, Id="a"), query(model, "Maximum", 60, Id="b"), query(model, "Sum", 3_600, Id="c")]
    span = {"StartTime": NOON, "EndTime": NOON + timedelta(hours=1), "ScanBy": "TimestampAscending"}
    for limit in range(1, 8):
        found: dict[str, list[float]] = {"a": [], "b": [], "c": []}
        for page in pages_of(room, "GetMetricData", MetricDataQueries=queries, MaxDatapoints=limit, **span):
            assert 0 < sum(len(result["Values"]) for result in page["MetricDataResults"]) <= limit
            for result in page["MetricDataResults"]:
                found[result["Id"]] += result["Values"]
        assert found == {"a": LOSSES, "b": [4.0, 2.0], "c": [10.0]}


def test_a_page_reads_no_more_points_than_one_query_has_over_the_limit(
    room: Room, model: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "DATAPOINTS", 4)
    span = {"StartTime": NOON, "EndTime": NOON + timedelta(hours=1)}
    queries = [query(model, period=3_600, Id=name) for name in "abc"]
    pages = list(pages_of(room, "GetMetricData", MetricDataQueries=queries, **span))
    assert [[result["Id"] for result in page["MetricDataResults"]] for page in pages] == [["a"], ["b"], ["c"]]


def test_statistics_of_one_metric_come_together(room: Room, model: dict[str, str]) -> None:
    answer = ask(
        room,
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


def test_what_no_metric_answers_to_is_no_error(room: Room, model: dict[str, str]) -> None:
    fewer, wrong_unit = query(model), query(model)
    fewer["MetricStat"]["Metric"]["Dimensions"].pop()
    wrong_unit["MetricStat"]["Unit"] = "Percent"
    assert values(room, CAROL, fewer) == values(room, CAROL, wrong_unit) == [[]]
    assert data(room, CAROL, query(model, ReturnData=False))["MetricDataResults"] == []


def test_each_series_comes_under_its_own_id_and_label_unless_it_is_not_returned(
    room: Room, model: dict[str, str]
) -> None:
    asked = [query(model, Id="a", Label="first"), query(model, "Sum", Id="b"), query(model, Id="c", ReturnData=False)]
    found = data(room, CAROL, *asked)["MetricDataResults"]
    assert [(one["Id"], one["Label"]) for one in found] == [("a", "first"), ("b", "loss")]


def test_a_metric_is_found_by_all_of_its_dimensions_in_its_own_unit(room: Room, model: dict[str, str]) -> None:
    def statistics(**changes: Any) -> list[float]:
        span = {"StartTime": NOON, "EndTime": NOON + timedelta(hours=1), "Period": 3_600, "Statistics": ["Sum"]}
        metric = {"Namespace": TRAINED_MODELS, "MetricName": "loss", "Dimensions": dimensions(model)}
        points = ask(room, "GetMetricStatistics", CAROL, **{**metric, **span, **changes})["Datapoints"]
        return [point["Sum"] for point in points]

    elsewhere = query(model)
    elsewhere["MetricStat"]["Metric"]["Dimensions"] = dimensions(model, "algo-2")
    assert values(room, CAROL, query(model), elsewhere | {"Id": "e"}) == [[3.5, 1.5], []]
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
def test_what_is_not_done_is_refused_by_name(room: Room, operation: str, request_: dict[str, Any], said: str) -> None:
    assert said in refused(room, operation, **request_)


def test_a_token_is_good_for_the_request_that_it_was_answered_to(room: Room, model: dict[str, str]) -> None:
    page = data(room, CAROL, query(model, period=30), MaxDatapoints=1)
    said = refused(room, "GetMetricData", MetricDataQueries=[query(model)], NextToken=page["NextToken"])
    assert "NextToken" in said
