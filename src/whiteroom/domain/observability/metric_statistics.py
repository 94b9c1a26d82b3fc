"""CloudWatch's statistics over the points of a series: periods, and what is said of each."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from whiteroom.domain.observability.metrics import MetricPoint

Statistic = Callable[[Sequence[float]], float]
"""Of the values of one period, of which there is at least one."""

SHORT_PERIODS_SECONDS = (1, 5, 10, 30)
"""The periods that are no multiple of a minute."""
LONGEST_PERIOD_SECONDS = 86_400 * 366

_PERCENTILE = re.compile(r"p(\d{1,3}(?:\.\d{0,10})?)", re.ASCII)
_LARGEST = sys.float_info.max


def _sum(values: Sequence[float]) -> float:
    return max(-_LARGEST, min(_LARGEST, sum(values)))


def _average(values: Sequence[float]) -> float:
    # Divided first: a sum of very large values would be infinite.
    mean = sum(value / len(values) for value in values)
    return min(max(mean, min(values)), max(values))


STATISTICS: Mapping[str, Statistic] = {
    "SampleCount": lambda values: float(len(values)),
    "Average": _average,
    "Sum": _sum,
    "Minimum": min,
    "Maximum": max,
}


class UnknownStatistic(Exception):
    """Not one that is computed here. The message says which are."""


def statistic(text: str) -> Statistic:
    """The statistic of that name: one of STATISTICS, or a percentile such as `p99` or `p99.9`.

    Raises:
        UnknownStatistic: it is another one of CloudWatch's, or none.
    """
    if text in STATISTICS:
        return STATISTICS[text]
    percentile = _PERCENTILE.fullmatch(text)
    if percentile is None or float(percentile[1]) > 100:
        raise UnknownStatistic(
            f"Whiteroom does not compute the statistic {text[:64]!r}. It has {', '.join(STATISTICS)}, and percentiles "
            "from p0 to p100."
        )
    part = float(percentile[1]) / 100
    return lambda values: _percentile(values, part)


def is_period(seconds: int) -> bool:
    """Whether CloudWatch has periods of that length."""
    return seconds in SHORT_PERIODS_SECONDS or (seconds % 60 == 0 and 0 < seconds <= LONGEST_PERIOD_SECONDS)


def begin_of(at_ms: int, period_seconds: int) -> int:
    """The second at which the period begins in which a moment is."""
    return at_ms // 1000 // period_seconds * period_seconds


def by_period(points: Iterable[MetricPoint], period_seconds: int) -> Mapping[int, Sequence[float]]:
    """The values of every period that has any, by the second at which it begins, the earliest first."""
    found: dict[int, list[float]] = {}
    for point in points:
        found.setdefault(begin_of(point.at_ms, period_seconds), []).append(point.value)
    return dict(sorted(found.items()))


def _percentile(values: Sequence[float], part: float) -> float:
    """Between the two nearest values, in proportion."""
    ordered = sorted(values)
    place = part * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    share = place - below
    return ordered[below] * (1 - share) + ordered[above] * share
