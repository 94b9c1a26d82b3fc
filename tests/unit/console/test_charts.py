from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from whiteroom.console.charts import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Series, chart, duration

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
TIMES = st.floats(0, 1e9)


@example([(0.0, 1.2e308)])
@example([(0.0, -1.7e308), (1.0, 1.7e308)])
@example([(0.0, 5e-324), (1.0, 0.0)])
@given(st.lists(st.tuples(TIMES, NUMBERS), max_size=20))
def test_whatever_is_measured_is_drawn_within_its_frame_and_what_is_no_number_is_left_out(
    points: list[tuple[float, float]],
) -> None:
    drawn = chart("loss", [Series("algo-1", tuple(points))])
    finite = [y for _, y in points if math.isfinite(y)]
    assert (drawn is None) == (not finite)
    if drawn is None:
        return
    (curve,) = drawn.curves
    assert len(curve.dots) == len(finite)
    for dot in curve.dots:
        assert LEFT <= dot.x <= WIDTH - RIGHT
        assert TOP <= dot.y <= HEIGHT - BOTTOM
    assert len(drawn.y_ticks) < 20
    assert len(drawn.x_ticks) < 20
    assert all(TOP <= tick.at <= HEIGHT - BOTTOM for tick in drawn.y_ticks)


def test_a_higher_value_stands_higher_and_a_later_one_further_to_the_right() -> None:
    drawn = chart("loss", [Series("algo-1", ((0.0, 1.0), (5.0, 3.0), (10.0, 2.0)))])
    assert drawn is not None
    first, second, third = drawn.curves[0].dots
    assert first.x < second.x < third.x
    assert first.y > third.y > second.y
    assert [tick.text for tick in drawn.y_ticks] == ["1", "1.5", "2", "2.5", "3"]
    assert [tick.text for tick in drawn.x_ticks] == ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]


def test_its_numbers_stand_in_a_table_with_a_gap_where_a_curve_has_none() -> None:
    drawn = chart("loss", [Series("a", ((0.0, 1.0), (1.0, 2.0))), Series("b", ((1.0, 5.0),))])
    assert drawn is not None
    assert drawn.names == ("a", "b")
    assert drawn.rows == (("0 s", ("1", "")), ("1 s", ("2", "5")))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.5, "0.5 s"),
        (59, "59 s"),
        (60, "1 min"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (7325, "2 h 2 min 5 s"),
    ],
)
def test_how_long_it_was_is_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said
