"""Metrics: which CloudWatch is asked for, as rows, a data frame and a picture."""

from __future__ import annotations

import sys
from datetime import UTC, timedelta
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from unit.notebook.members import JOB, MEMBERSHIP, MODEL, SECOND, THEN, model, stubbed
from whiteroom.notebook import frames, metrics, plotting
from whiteroom.notebook.metrics import period_of, points

NAMESPACE = "/aws/cleanroomsml/TrainedModels"
ASKED = {"membershipIdentifier": MEMBERSHIP, "trainedModelArn": MODEL}
SOON = THEN + timedelta(minutes=5)


def metric(name: str, host: str = "algo-1", version: str = "NULL") -> dict[str, Any]:
    dimensions = {"TrainedModelArn": MODEL, "VersionIdentifier": version, "Host": host}
    return {
        "Namespace": NAMESPACE,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
    }


def result(place: int, *values: tuple[int, float]) -> dict[str, Any]:
    times = [THEN + timedelta(seconds=seconds) for seconds, _ in values]
    return {"Id": f"m{place}", "Timestamps": times, "Values": [value for _, value in values]}


def test_the_metrics_of_the_version_are_asked_for_by_name_and_their_pages_joined() -> None:
    listed = [metric("loss"), metric("loss", "algo-2")]
    others = [metric("CPUUtilization"), metric("loss2")]
    queries = [
        {"Id": f"m{place}", "MetricStat": {"Metric": one, "Period": 1, "Stat": "Maximum"}}
        for place, one in enumerate(listed)
    ]
    minute = timedelta(minutes=1)
    asked = {
        "MetricDataQueries": queries,
        "ScanBy": "TimestampAscending",
        "StartTime": THEN - minute,
        "EndTime": SOON + minute,
    }
    of_version = {"Namespace": NAMESPACE, "Dimensions": metric("", "")["Dimensions"][:2]}
    with stubbed("cleanroomsml", "cloudwatch") as (member, stubs):
        stubs["cleanroomsml"].add_response("get_trained_model", model())
        stubs["cloudwatch"].add_response("list_metrics", {"Metrics": [*others, *listed]}, of_version)
        first = {"MetricDataResults": [result(0, (1, 0.5))], "NextToken": "t"}
        stubs["cloudwatch"].add_response("get_metric_data", first, asked)
        second = {"MetricDataResults": [result(1, (1, 0.6)), result(0, (2, 0.4))]}
        stubs["cloudwatch"].add_response("get_metric_data", second, {**asked, "NextToken": "t"})
        found = points(member.client, [ASKED], "Maximum", names=["loss"], now=SOON)
    assert [(one["host"], (one["time"] - THEN).seconds, one["value"]) for one in found] == [
        ("algo-1", 1, 0.5),
        ("algo-2", 1, 0.6),
        ("algo-1", 2, 0.4),
    ]
    expected = {"name": "late", "version": "NULL", "arn": MODEL, "metric": "loss"}
    assert all(expected.items() <= one.items() for one in found)
    assert all(tuple(one) == metrics.COLUMNS for one in found)


def test_more_metrics_than_a_call_takes_are_asked_for_in_several() -> None:
    listed = [metric(f"loss{number}") for number in range(metrics.QUERIES_OF_A_CALL + 1)]
    with stubbed("cleanroomsml", "cloudwatch") as (member, stubs):
        stubs["cleanroomsml"].add_response("get_trained_model", model())
        stubs["cloudwatch"].add_response("list_metrics", {"Metrics": listed})
        for value in (1.0, 2.0):
            answer = {"MetricDataResults": [result(0, (1, value))]}
            stubs["cloudwatch"].add_response("get_metric_data", answer)
        found = points(member.client, [ASKED], now=SOON)
    assert [(one["metric"], one["value"]) for one in found] == [("loss0", 1.0), ("loss500", 2.0)]


def test_an_inference_job_is_asked_for_by_its_own_name() -> None:
    job = {
        "trainedModelInferenceJobArn": JOB,
        "membershipIdentifier": MEMBERSHIP,
        "trainedModelArn": MODEL,
        "name": "scores",
        "status": "ACTIVE",
        "createTime": THEN,
        "updateTime": THEN,
        "resourceConfig": {"instanceType": "ml.m5.large"},
        "dataSource": {"mlInputChannelArn": MODEL.replace("trained-model", "ml-input-channel")},
        "outputConfiguration": {"members": [{"accountId": "111111111111"}]},
    }
    asked = {
        "Namespace": "/aws/cleanroomsml/TrainedModelInferenceJobs",
        "Dimensions": [{"Name": "TrainedModelInferenceJobArn", "Value": JOB}],
    }
    with stubbed("cleanroomsml", "cloudwatch") as (member, stubs):
        stubs["cleanroomsml"].add_response("get_trained_model_inference_job", job)
        stubs["cloudwatch"].add_response("list_metrics", {"Metrics": []}, asked)
        assert points(member.client, [{"trainedModelInferenceJobArn": JOB}]) == []


@pytest.mark.parametrize(
    ("age", "period"),
    [
        (timedelta(hours=2), 1),
        (timedelta(hours=4), 60),
        (timedelta(days=14), 60),
        (timedelta(days=16), 300),
        (timedelta(days=100), 3600),
    ],
)
def test_the_period_is_the_shortest_that_cloudwatch_still_has(age: timedelta, period: int) -> None:
    assert period_of(THEN, THEN + age) == period


def point(value: float = 0.5, **changes: Any) -> dict[str, Any]:
    return {
        "name": "late",
        "version": "NULL",
        "arn": MODEL,
        "metric": "loss",
        "host": "algo-1",
        "time": THEN,
        "value": value,
        **changes,
    }


def test_a_frame_is_of_the_library_that_the_notebook_has_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = frames.frame([point(), point(0.4)], metrics.COLUMNS)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == list(metrics.COLUMNS)
    assert list(frame["value"]) == [0.5, 0.4]
    assert frame["time"].dtype.tz is UTC or str(frame["time"].dtype.tz) == "UTC"
    polars = SimpleNamespace(DataFrame=lambda values: ("polars", values["value"]))
    monkeypatch.setitem(sys.modules, "polars", polars)
    assert frames.frame([point()], metrics.COLUMNS) == ("polars", [0.5])
    monkeypatch.delitem(sys.modules, "polars")
    assert isinstance(frames.frame([point()], metrics.COLUMNS), pd.DataFrame)


def test_a_frame_has_no_letter_that_a_terminal_obeys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "LIBRARIES", (pd.__name__,))
    frame = frames.frame([{"name": "trees\x9b2J\u202e", "value": 1.5}], ["name", "value"])
    assert list(frame["name"]) == ["trees\\x9b2J\\u202e"]
    assert list(frame["value"]) == [1.5]


def test_a_frame_without_rows_has_its_columns() -> None:
    assert list(frames.frame([], metrics.COLUMNS).columns) == list(metrics.COLUMNS)


def test_where_neither_library_is_there_the_command_that_installs_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in frames.LIBRARIES:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"pip install 'whiteroom\[notebook\]'"):
        frames.frame([point()], metrics.COLUMNS)


def test_a_plot_has_a_panel_for_each_metric_and_a_line_for_each_version_and_host() -> None:
    drawn = [
        point(),
        point(0.4, time=THEN + timedelta(seconds=9)),
        point(0.7, host="algo-2"),
        point(0.6, version=SECOND, time=THEN + timedelta(hours=1)),
        point(90, metric="CPUUtilization"),
    ]
    plot = plotting.plot(drawn)
    loss, cpu = plot.figure.axes
    assert (loss.get_title(), cpu.get_title()) == ("loss", "CPUUtilization")
    assert [list(line.get_xdata()) for line in loss.lines] == [[0, 9], [0], [0]]
    assert [list(line.get_ydata()) for line in loss.lines] == [[0.5, 0.4], [0.7], [0.6]]
    assert plot._repr_png_().startswith(b"\x89PNG\r\n")
    assert repr(plot) == "A plot of loss, CPUUtilization of late"


@pytest.mark.parametrize("text", ["$\\frac{", "_hidden", "\x1b[2J", "损失", "$$", "%s"])
def test_a_name_of_a_members_is_drawn_as_text(text: str) -> None:
    plot = plotting.plot([point(name=text, metric=text, host=text)])
    assert plot._repr_png_().startswith(b"\x89PNG\r\n")
    (legend,) = plot.figure.axes[0].get_legend().get_texts()
    assert not legend.get_parse_math()
    assert repr(plot).isprintable()


def test_nothing_to_draw_is_said() -> None:
    with pytest.raises(ValueError, match="There are no metrics to draw"):
        plotting.plot([])
