import dataclasses
import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whiteroom.domain.observability.metrics import (
    MIN_POINTS_PER_SERIES,
    POINTS_PER_RUN,
    POINTS_PER_SERIES,
    SECONDS_PER_DEFINITION,
    SECONDS_PER_RUN,
    TIMEOUTS_PER_DEFINITION,
    MetricKind,
    MetricPoint,
    MetricSeries,
    begin_reading,
    grow,
    note_of,
    parse_value,
    points_limit,
    switched_off,
)

LOSS = MetricSeries("model", MetricKind.CUSTOM, "loss", "algo-1")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.5", 0.5),
        (" -3\t", -3.0),
        ("+.5e-3", 0.0005),
        ("7.", 7.0),
        ("1E5", 100_000.0),
        ("9" * 308, float("9" * 308)),
        ("1e-9999", 0.0),
    ],
)
def test_a_number_is_a_value(text: str, value: float) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize(
    "text",
    [
        None, "", " ", "nan", "NaN", "inf", "-Infinity", "1e999", "-1e999", "1_000", "1,000", "0x10", "12%", "1.2.3",
        "\u0661\u0662", "\uff11", "1\n", "--1", "e5", ".", "9" * 310, "9" * 65_536, "0." + "0" * 65_536 + "1",
    ],
)  # fmt: skip
def test_what_is_no_finite_number_in_ascii_is_no_value(text: str | None) -> None:
    assert parse_value(text) is None


@given(st.text())
def test_any_text_is_a_finite_number_or_none(text: str) -> None:
    value = parse_value(text)
    assert value is None or math.isfinite(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_read_as_it_is_printed(number: float) -> None:
    assert parse_value(repr(number)) == number


def kept(chunks: Sequence[Sequence[tuple[int, float]]], limit: int) -> tuple[MetricSeries, list[MetricPoint]]:
    """What a store holds after the chunks."""
    series, points = LOSS, list[MetricPoint]()
    for chunk in chunks:
        growth = grow(series, chunk, limit)
        series = growth.series
        if growth.thinned:
            points = [point for point in points if point.step % series.stride == 0]
        points += growth.points
    return series, points


@given(
    st.lists(st.floats(-1e6, 1e6), max_size=300),
    st.lists(st.integers(1, 60), max_size=30),
    st.integers(1, 50),
)
def test_what_is_kept_depends_on_the_values_and_not_on_how_many_came_at_a_time(
    values: list[float], sizes: list[int], limit: int
) -> None:
    found = list(enumerate(values))
    chunks, rest = [], found
    for size in sizes:
        chunks.append(rest[:size])
        rest = rest[size:]
    assert kept([*chunks, rest], limit) == kept([found], limit)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=500), st.integers(1, 50))
def test_every_value_counts_and_what_is_kept_covers_the_run_evenly(values: list[float], limit: int) -> None:
    series, points = kept([list(enumerate(values))], limit)
    assert (series.count, series.minimum, series.maximum) == (len(values), min(values), max(values))
    assert (series.last_at_ms, series.last_value) == (len(values) - 1, values[-1])
    assert len(points) <= limit
    assert [point.step for point in points] == list(range(0, len(values), series.stride))
    assert all(point.value == values[point.step] for point in points)
    assert series.stride == 1 or len(values) > limit


def test_a_run_keeps_so_many_points_of_each_series_and_of_all() -> None:
    assert points_limit(1, 1) == POINTS_PER_SERIES
    assert points_limit(40, 5) * 45 * 5 <= POINTS_PER_RUN
    assert points_limit(40, 10) >= MIN_POINTS_PER_SERIES


def test_all_definitions_of_a_run_have_a_limit_together_and_those_below_their_share_go_on() -> None:
    """Forty, each below the limit of its own."""
    spent = [0.1] + [7.6] * 39
    assert sum(spent) < SECONDS_PER_RUN
    assert switched_off(spent, [0] * 40) == frozenset()
    spent[39] = 29
    assert switched_off(spent, [0] * 40) == frozenset(range(1, 40))
    assert switched_off([0.0] * 40, [0, *[1] * 39]) == frozenset()
    assert switched_off([0.0] * 40, [0, *[2] * 39]) == frozenset(range(1, 40))


def test_a_definition_that_takes_too_long_is_named_and_what_to_do() -> None:
    definitions = [{"name": name, "regex": "(.)"} for name in ("fine", 'odd "name"\n', "slow")]
    reading = begin_reading("run", "model", definitions, 1)
    assert note_of(reading) is None
    seconds, timeouts = (1.0, 0.1, SECONDS_PER_DEFINITION), (0, TIMEOUTS_PER_DEFINITION, 0)
    costly = dataclasses.replace(reading, seconds=seconds, timeouts=timeouts)
    told = note_of(costly) or ""
    assert "'odd \"name\"\\n', 'slow'. " in told
    assert "fine" not in told
    assert "Create the algorithm anew" in told
