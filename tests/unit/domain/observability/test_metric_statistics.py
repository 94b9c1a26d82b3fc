from __future__ import annotations

import sys

import pytest

from whiteroom.domain.observability.metric_statistics import UnknownStatistic, by_period, is_period, statistic
from whiteroom.domain.observability.metrics import MetricPoint

LARGEST = sys.float_info.max


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("SampleCount", [1, 2, 4], 3),
        ("Average", [1, 2, 6], 3),
        ("Average", [LARGEST, LARGEST], LARGEST),
        ("Sum", [1, 2, 4], 7),
        ("Sum", [LARGEST, LARGEST], LARGEST),
        ("Minimum", [1, 2, -4], -4),
        ("Maximum", [1, 2, -4], 2),
        ("p0", [3, 1, 2], 1),
        ("p50", [3, 1, 2], 2),
        ("p50", [1, 2], 1.5),
        ("p100", [3, 1, 2], 3),
        ("p99.9", [7], 7),
        ("p75", [-LARGEST, LARGEST], LARGEST / 2),
    ],
)
def test_a_statistic_of_the_values_of_a_period(name: str, values: list[float], expected: float) -> None:
    assert statistic(name)(values) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["", "average", "p101", "p", "p-1", "p5٣", "tm99", "IQM", "TM(1:2)", "x" * 10_000])
def test_what_is_no_statistic_here_is_named(name: str) -> None:
    with pytest.raises(UnknownStatistic, match="Average"):
        statistic(name)


def test_values_are_put_together_by_period() -> None:
    points = [MetricPoint(at, step, float(step)) for step, at in enumerate((0, 59_999, 60_000, 200_000))]
    assert by_period(points, 60) == {0: [0.0, 1.0], 60: [2.0], 180: [3.0]}


def test_the_periods_are_those_of_cloudwatch() -> None:
    assert [seconds for seconds in range(301) if is_period(seconds)] == [1, 5, 10, 30, 60, 120, 180, 240, 300]
    assert not is_period(60 * 10**9)
