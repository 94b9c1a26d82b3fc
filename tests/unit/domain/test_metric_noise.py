"""The noise of metrics, measured: every sentence of docs/privacy.md, "Metrics", over many servers' secrets."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import fmean, pstdev

import pytest

from whiteroom.domain.metric_noise import GRID, SCALES, SECRET_BYTES, Noise, Question, noise_on, spread
from whiteroom.domain.metrics import MetricKind, MetricPoint, MetricSeries, grow
from whiteroom.domain.privacy import NoiseLevel

ASKED = Question("room", ("patients", "visits"), "loss")
SERVERS = 400
LEVELS = tuple(SCALES)
MEDIUM = NoiseLevel.MEDIUM


def secret(server: int) -> bytes:
    return server.to_bytes(SECRET_BYTES, "big")


def measured(
    values: Sequence[float], host: str = "algo-1", name: str = "loss"
) -> tuple[MetricSeries, list[MetricPoint]]:
    series = MetricSeries("model", MetricKind.CUSTOM, name, host)
    growth = grow(series, [(1_000 * number, value) for number, value in enumerate(values)], 10_000)
    return growth.series, list(growth.points)


def noise(series: MetricSeries, server: int = 1, level: NoiseLevel = MEDIUM, asked: Question = ASKED) -> Noise:
    return noise_on(level, secret(server), asked, series, [series])


def added(values: Sequence[float], server: int = 1, level: NoiseLevel = MEDIUM, asked: Question = ASKED) -> list[float]:
    """What the noise adds to each value, as a part of level times spread."""
    series, points = measured(values)
    drawn = noise(series, server, level, asked)
    return [(drawn.on(point).value - point.value) / drawn.deviation for point in points]


def falling(count: int = 50, start: float = 1.0) -> list[float]:
    return [start * math.exp(-number / 20) for number in range(count)]


def over_servers(values: Sequence[float], level: NoiseLevel = MEDIUM) -> Iterator[list[float]]:
    return (added(values, server, level) for server in range(SERVERS))


@pytest.mark.parametrize("level", LEVELS)
def test_the_noise_on_one_value_is_as_strong_as_its_level_says_and_has_no_bias(level: NoiseLevel) -> None:
    one_of_each = [drawn[17] for drawn in over_servers(falling(), level)]
    assert pstdev(one_of_each) == pytest.approx(1, abs=0.15)
    assert fmean(one_of_each) == pytest.approx(0, abs=0.2)


def test_a_higher_level_is_more_noise() -> None:
    assert SCALES[NoiseLevel.LOW] < SCALES[NoiseLevel.MEDIUM] < SCALES[NoiseLevel.HIGH]


def test_averaging_all_points_of_a_series_leaves_seven_tenths_of_the_noise() -> None:
    left = pstdev(fmean(drawn) for drawn in over_servers(falling(400)))
    assert left == pytest.approx(math.sqrt(0.5), abs=0.08)


def test_averaging_a_stretch_of_points_leaves_more() -> None:
    left = pstdev(fmean(drawn[100:150]) for drawn in over_servers(falling(400)))
    assert left > 0.75


def test_the_difference_of_two_stretches_stays_noisy_too() -> None:
    left = pstdev(fmean(drawn[:50]) - fmean(drawn[-50:]) for drawn in over_servers(falling(400)))
    assert left > 0.4


def test_whoever_asks_again_is_answered_the_same() -> None:
    series, points = measured(falling())
    assert [noise(series).on(point) for point in points] == [noise(series).on(point) for point in reversed(points)][
        ::-1
    ]


def test_a_repeat_with_the_same_seed_and_data_is_answered_the_same() -> None:
    first, _ = measured(falling())
    again = replace(first, resource_id="another model", last_at_ms=first.last_at_ms + 86_400_000)
    point = MetricPoint(0, 7, 0.5)
    assert noise(first).on(point) == noise(again).on(point)


def test_hosts_and_names_that_say_the_same_share_at_least_half_of_the_noise() -> None:
    one, _ = measured(falling())
    other = replace(one, host="algo-2")
    point = MetricPoint(0, 7, 0.5)
    assert noise_on(MEDIUM, secret(1), ASKED, one, [one, other]).on(point) == noise_on(
        MEDIUM, secret(1), ASKED, other, [one, other]
    ).on(point)
    left = []
    for server in range(100):
        names = [added(falling(), server, asked=replace(ASKED, metric=f"loss{number}"))[17] for number in range(40)]
        left.append(fmean(names))
    assert pstdev(left) == pytest.approx(math.sqrt(0.5), abs=0.15)


def test_averaging_many_variations_of_a_training_leaves_seven_tenths_of_the_noise() -> None:
    """Other seeds, other hyperparameters, channels made anew: other values, the same question."""
    left = []
    for server in range(100):
        runs = [added(falling(start=0.9 + run / 1_000), server)[17] for run in range(60)]
        left.append(fmean(runs))
    assert pstdev(left) == pytest.approx(math.sqrt(0.5), abs=0.15)


def test_a_metric_whose_values_are_known_does_not_tell_the_noise_of_another() -> None:
    """An epoch's number, say: what was added to it is not what was added to the loss."""
    left = []
    for server in range(SERVERS):
        known = added(list(range(50)), server, asked=replace(ASKED, metric="epoch"))
        left.append(added(falling(), server)[17] - known[17])
    assert pstdev(left) == pytest.approx(math.sqrt(2), abs=0.2)


def test_known_values_of_the_same_metric_do_not_tell_the_noise_of_another_run() -> None:
    """A hyperparameter that makes the program print known values: the answer's layer is another one."""
    left = [added(falling(), server)[17] - added(falling(start=0.999), server)[17] for server in range(SERVERS)]
    assert pstdev(left) > 0.85


def test_two_levels_of_the_same_values_do_not_solve_for_them() -> None:
    low = [added(falling(), server, NoiseLevel.LOW)[17] for server in range(SERVERS)]
    high = [added(falling(), server, NoiseLevel.HIGH)[17] for server in range(SERVERS)]
    assert abs(fmean(a * b for a, b in zip(low, high, strict=True))) < 0.15


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("values", [[0.0], [42.0], [0.0] * 500, [42.0] * 500, [-1e-9] * 5, [7.0, 7.0]])
def test_a_single_value_or_one_that_stays_the_same_is_not_told(level: NoiseLevel, values: list[float]) -> None:
    series, points = measured(values)
    misses = []
    for server in range(100):
        drawn = noise(series, server, level)
        misses.append(abs(fmean(drawn.on(point).value for point in points) - values[0]))
    expected = SCALES[level] * spread(values[0], values[0]) * math.sqrt(0.5)
    assert math.sqrt(fmean(miss**2 for miss in misses)) > 0.8 * expected
    assert sum(miss > expected / 10 for miss in misses) > 80


def test_the_strength_of_the_noise_tells_the_power_of_two_alone() -> None:
    assert spread(0, 0.51) == spread(0, 0.75) == spread(0.1, 1.1) == 1.0
    assert spread(0, 1.01) == 2.0
    assert spread(42, 42) == 8.0
    assert spread(0, 0) == spread(-0.001, 0.001) / 2


def test_shown_values_lie_on_a_grid() -> None:
    series, points = measured([math.pi * number for number in range(50)])
    drawn = noise(series)
    assert all(math.remainder(drawn.on(point).value, drawn.spread * GRID) == 0 for point in points)


@pytest.mark.parametrize("values", [[-sys.float_info.max, sys.float_info.max], [5e-324, 0.0], [sys.float_info.max] * 3])
def test_the_noise_on_extreme_values_is_finite(values: list[float]) -> None:
    series, points = measured(values)
    assert all(math.isfinite(noise(series, server).on(point).value) for server in range(20) for point in points)


def test_thinned_series_have_noise_too() -> None:
    growth = grow(
        MetricSeries("model", MetricKind.CUSTOM, "loss", "algo-1"), [(n, float(n)) for n in range(1_000)], 100
    )
    drawn = noise(growth.series)
    assert len({round(drawn.on(point).value - point.value, 3) for point in growth.points}) > 50


def test_without_a_real_secret_there_is_no_noise_that_would_only_look_like_one() -> None:
    series, _ = measured([1.0])
    with pytest.raises(ValueError, match="secret"):
        noise_on(MEDIUM, b"", ASKED, series, [series])
