"""The noise of metrics, measured: every sentence of docs/privacy.md, "Metrics", over many servers' secrets."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from statistics import fmean, pstdev

import pytest

from whiteroom.domain.observability.metric_noise import (
    ALGORITHM_VARIANCE,
    GRID,
    OFFSET_VARIANCE,
    RUN_VARIANCE,
    SCALES,
    SECRET_BYTES,
    TABLES_VARIANCE,
    Noise,
    Question,
    is_constant,
    noise_on,
    spread,
)
from whiteroom.domain.observability.metrics import MetricKind, MetricPoint, MetricSeries, grow
from whiteroom.domain.privacy.policies import NoiseLevel

ASKED = Question("room", ("111111111111 patients",), ("association", "sha256:1"), (("hyperparameter lr", "0.1"),), 1)
LASTING = math.sqrt(TABLES_VARIANCE + ALGORITHM_VARIANCE)
"""What is left of the noise on one value when any number of runs is averaged."""
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


def added(
    values: Sequence[float], server: int = 1, level: NoiseLevel = MEDIUM, asked: Question = ASKED, name: str = "loss"
) -> list[float]:
    """What the noise adds to each value, as a part of level times spread."""
    series, points = measured(values, name=name)
    drawn = noise(series, server, level, asked)
    return [_part(drawn, point) for point in points]


def added_at(
    number: int,
    values: Sequence[float],
    server: int = 1,
    level: NoiseLevel = MEDIUM,
    asked: Question = ASKED,
    name: str = "loss",
) -> float:
    """What `added` has for the value of that number; the noise of the others is not drawn."""
    series, points = measured(values, name=name)
    return _part(noise(series, server, level, asked), points[number])


def _part(drawn: Noise, point: MetricPoint) -> float:
    return (drawn.on(point).value - point.value) / drawn.deviation


def falling(count: int = 50, start: float = 1.0) -> list[float]:
    return [start * math.exp(-number / 20) for number in range(count)]


@cache
def long_runs() -> list[list[float]]:
    """What the noise of each server adds to 400 values."""
    return [added(falling(400), server) for server in range(SERVERS)]


@pytest.mark.parametrize("level", LEVELS)
def test_the_noise_on_one_value_is_as_strong_as_its_level_says_and_has_no_bias(level: NoiseLevel) -> None:
    one_of_each = [added_at(17, falling(), server, level) for server in range(SERVERS)]
    assert pstdev(one_of_each) == pytest.approx(1, abs=0.15)
    assert fmean(one_of_each) == pytest.approx(0, abs=0.2)


def test_a_higher_level_is_more_noise() -> None:
    assert SCALES[NoiseLevel.LOW] < SCALES[NoiseLevel.MEDIUM] < SCALES[NoiseLevel.HIGH]


def test_averaging_all_points_of_a_series_leaves_seven_tenths_of_the_noise() -> None:
    left = pstdev(fmean(drawn) for drawn in long_runs())
    assert left == pytest.approx(math.sqrt(0.5), abs=0.08)


def test_averaging_a_stretch_of_points_leaves_more() -> None:
    left = pstdev(fmean(drawn[100:150]) for drawn in long_runs())
    assert left > 0.75


def test_the_difference_of_two_stretches_stays_noisy_too() -> None:
    left = pstdev(fmean(drawn[:50]) - fmean(drawn[-50:]) for drawn in long_runs())
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


def test_hosts_that_say_the_same_share_all_of_the_noise() -> None:
    one, _ = measured(falling())
    other = replace(one, host="algo-2")
    point = MetricPoint(0, 7, 0.5)
    assert noise_on(MEDIUM, secret(1), ASKED, one, [one, other]).on(point) == noise_on(
        MEDIUM, secret(1), ASKED, other, [one, other]
    ).on(point)


@pytest.mark.parametrize("metrics", [4, 40])
def test_many_metrics_of_one_algorithm_together_tell_no_more_than_one(metrics: int) -> None:
    """One value under many names: averaged, their noise is that of one, as if there were no others."""
    asked = replace(ASKED, metrics=metrics)
    left = [
        fmean(added_at(17, falling(20), server, asked=asked, name=f"loss{n}") for n in range(metrics))
        for server in range(100)
    ]
    assert pstdev(left) > 0.8


def test_stretches_of_epochs_under_names_of_their_own_together_tell_no_more_than_one() -> None:
    """40 definitions, each of which matches another part of the lines, as a regular expression can."""
    values, left = falling(50), []
    for server in range(100):
        asked = replace(ASKED, metrics=40)
        means = []
        for n in range(40):
            part = values[: 10 + n]
            means.append(fmean(added(part, server, asked=asked, name=f"until{10 + n}")))
        left.append(fmean(means))
    # Of each series the offset is left, and all 40 of them are as strong as one.
    assert pstdev(left) > 0.85 * math.sqrt(OFFSET_VARIANCE)


def test_averaging_many_variations_of_a_training_leaves_most_of_the_noise() -> None:
    """Other seeds, other hyperparameters: other values and other inputs, the same tables and algorithm."""
    left = []
    for server in range(100):
        runs = []
        for run in range(40):
            asked = replace(ASKED, inputs=(("hyperparameter seed", str(run)),))
            runs.append(added_at(17, falling(20, start=0.9 + run / 1_000), server, asked=asked))
        left.append(fmean(runs))
    assert pstdev(left) == pytest.approx(LASTING, abs=0.17)


def test_an_input_that_changes_nothing_makes_no_other_noise_of_the_lasting_layers() -> None:
    """1,000 values of a hyperparameter that the program ignores: what they have in common stays, and it is the same
    for the same values."""
    left = []
    for server in range(40):
        runs = [
            added_at(3, falling(8), server, asked=replace(ASKED, inputs=(("hyperparameter ignored", str(n)),)))
            for n in range(250)
        ]
        left.append(fmean(runs))
        assert pstdev(runs) == pytest.approx(math.sqrt(RUN_VARIANCE), abs=0.2)
    assert pstdev(left) == pytest.approx(LASTING, abs=0.25)


def test_tables_that_are_read_beside_another_members_add_noise_and_take_none_off() -> None:
    """31 sets of other tables beside one: what is drawn of that one is in all of them."""
    left = []
    for server in range(100):
        runs = []
        for mask in range(32):
            beside = tuple(f"111111111111 table{n}" for n in range(5) if mask >> n & 1)
            asked = replace(ASKED, tables=tuple(sorted((*ASKED.tables, *beside))))
            runs.append(added_at(17, falling(20, start=0.9 + mask / 1_000), server, asked=asked))
        # The best that a member can do: those with the fewest tables have the least noise.
        left.append(fmean(runs[:1] * 5 + runs[1:2] * 2 + runs[2:]))
    assert pstdev(left) > 0.85 * LASTING


def test_the_same_algorithm_associated_anew_again_and_again_leaves_the_layer_of_the_tables() -> None:
    """Of the widths that the rounding gives, a member takes the runs with the lesser: they have the lesser noise."""
    left = []
    for server in range(100):
        runs: dict[float, list[float]] = {}
        for run in range(60):
            asked = replace(ASKED, algorithm=(f"association {run}", "sha256:1"))
            series, points = measured(falling(20, start=0.9 + run / 1_000))
            drawn = noise(series, server, asked=asked)
            missed = drawn.on(points[17]).value - points[17].value
            runs.setdefault(drawn.spread, []).append(missed / drawn.deviation)
        left.append(fmean(runs[min(runs)]))
    assert pstdev(left) == pytest.approx(math.sqrt(TABLES_VARIANCE), abs=0.17)


def test_a_second_algorithm_that_echoes_a_guess_does_not_show_that_it_is_right() -> None:
    """The attack that found 300 of 300 accuracies: the same numbers under the same name, of another program."""
    values, hits, nearest = [0.1, 0.5, 0.87], 0, 0
    for server in range(100):
        truth = added_to(values, ASKED, server)
        echo = replace(ASKED, algorithm=("another", "sha256:2"), inputs=(("hyperparameter guess", "0.87"),))
        shown = {guess / 100: added_to([0.1, 0.5, guess / 100], echo, server) for guess in range(51, 100)}
        hits += shown[0.87] == truth
        nearest += min(shown, key=lambda guess: abs(shown[guess][-1] - truth[-1])) == 0.87
    assert hits == 0
    # By chance one in 49, and a little more often because noise has a middle.
    assert nearest < 15


def added_to(values: Sequence[float], asked: Question, server: int) -> list[float]:
    """The values as they are shown."""
    series, points = measured(values)
    drawn = noise(series, server, NoiseLevel.HIGH, asked)
    return [drawn.on(point).value for point in points]


def test_each_part_of_what_a_run_was_given_changes_its_noise() -> None:
    """So that no other run shows the same number for the same value."""
    others = [
        replace(ASKED, collaboration_id="another"),
        replace(ASKED, tables=("111111111111 visits",)),
        replace(ASKED, algorithm=("another", "sha256:1")),
        replace(ASKED, algorithm=("association", "sha256:2")),
        replace(ASKED, inputs=(("hyperparameter lr", "0.2"),)),
        replace(ASKED, inputs=(("environment lr", "0.1"),)),
        replace(ASKED, inputs=()),
        replace(ASKED, metrics=2),
    ]
    shown = {tuple(added_to(falling(), asked, 1)) for asked in [ASKED, *others]}
    assert len(shown) == len(others) + 1


def test_a_metric_whose_values_are_known_does_not_tell_the_noise_of_another() -> None:
    """An epoch's number, say, even where its range is that of the loss."""
    left = []
    for server in range(SERVERS):
        known = added_at(17, [number / 60 for number in range(50)], server, name="epoch")
        left.append(added_at(17, falling(), server) - known)
    # They share the layer of the tables, and no other.
    assert pstdev(left) > math.sqrt(2 * (ALGORITHM_VARIANCE + RUN_VARIANCE)) * 0.9


def test_known_values_of_the_same_metric_do_not_tell_the_noise_of_another_run() -> None:
    """A hyperparameter that makes the program print known values: the layer of the run is another one."""
    left = [added_at(17, falling(), server) - added_at(17, falling(start=0.999), server) for server in range(SERVERS)]
    assert pstdev(left) == pytest.approx(math.sqrt(2 * RUN_VARIANCE), abs=0.1)


def test_two_levels_of_the_same_values_do_not_solve_for_them() -> None:
    low = [added_at(17, falling(), server, NoiseLevel.LOW) for server in range(SERVERS)]
    high = [added_at(17, falling(), server, NoiseLevel.HIGH) for server in range(SERVERS)]
    assert abs(fmean(a * b for a, b in zip(low, high, strict=True))) < 0.15


@pytest.mark.parametrize("values", [[0.0], [42.0], [0.87] * 500, [-1e-9] * 5, [7.0, 7.0]])
def test_a_single_value_or_one_that_stays_the_same_is_no_metric_whatever_it_equals(values: list[float]) -> None:
    one, _ = measured(values)
    other, _ = measured([*values, values[0] + 1], host="algo-2")
    assert is_constant([one])
    assert is_constant([one, replace(one, host="algo-2")])
    assert not is_constant([one, other])


@pytest.mark.parametrize("level", LEVELS)
def test_a_metric_that_hardly_moves_has_the_noise_of_a_tenth_of_its_size(level: NoiseLevel) -> None:
    series, points = measured([42.0, 42.000001])
    misses = []
    for server in range(100):
        drawn = noise(series, server, level)
        misses.append(abs(fmean(drawn.on(point).value for point in points) - 42))
    assert math.sqrt(fmean(miss**2 for miss in misses)) > 0.8 * SCALES[level] * 4.2 * math.sqrt(0.5)


def test_the_strength_of_the_noise_tells_a_power_of_two_alone_and_not_where_it_changes() -> None:
    assert spread(0, 0.51) == spread(0, 0.75) == spread(0.1, 1.1) == 1.0
    assert spread(0, 1.01) == 2.0
    assert spread(42, 42.0) == 8.0
    assert spread(0, 0) == spread(-0.001, 0.001) / 2
    series, _ = measured([0.0, 0.75])
    found = {noise(series, server).spread for server in range(SERVERS)}
    assert found == {1.0, 2.0}
    assert all(0.75 <= width <= 4 * 0.75 for width in found)
    names = {noise(measured([0.0, 0.75], name=f"loss{n}")[0]).spread for n in range(20)}
    assert names == found


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
