from __future__ import annotations

import pytest

from whiteroom.console.run_metrics import POINTS, period_for
from whiteroom.domain.observability.metric_statistics import is_period


@pytest.mark.parametrize("seconds", [0.5, 60, 299, 300, 301, 1_500, 4_000, 10_000, 18_001, 86_400, 2_419_200])
def test_a_curve_has_no_more_points_than_a_page_bears_and_as_many_as_it_can(seconds: float) -> None:
    period = period_for(seconds)
    assert is_period(period)
    assert seconds / period <= POINTS
    shorter = [one for one in (1, 5, 10, 30, *range(60, period, 60)) if one < period]
    assert all(seconds / one > POINTS for one in shorter)
