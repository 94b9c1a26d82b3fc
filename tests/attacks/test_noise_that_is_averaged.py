"""What a member has left of the noise on metrics who trains 1,000 times with 40 definitions and tables of its own.

The attacks go through `views`, as the API does. What is measured is the distance between the best estimate and the
truth, over many servers' secrets, in parts of level times spread: docs/privacy.md says that half of it stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from statistics import fmean

import pytest

from whiteroom.domain.observability.metric_noise import SCALES, SECRET_BYTES, Question
from whiteroom.domain.observability.metric_views import MetricRules, SeriesView, views
from whiteroom.domain.observability.metrics import MetricKind, MetricPoint, MetricSeries, grow
from whiteroom.domain.observability.publication import Publication
from whiteroom.domain.privacy.policies import NoiseLevel

TOLD = Publication("PUBLISH_SUCCEEDED", None)
STAYS = 0.5
"""The figure of docs/privacy.md."""
DEFINITIONS = 40
TRUTH = 0.8
"""What the metric is about: an accuracy that every training comes to."""


def question(run: int = 0, tables: Sequence[str] = ("111111111111 clinic.patients",), algorithm: str = "a") -> Question:
    inputs = (("hyperparameter ignored", str(run)),)
    return Question("room", tuple(tables), (algorithm, f"sha256:{algorithm}"), inputs, DEFINITIONS)


def seen(
    secret: int, asked: Question, named: dict[str, Sequence[float]], level: NoiseLevel
) -> Iterator[tuple[SeriesView, list[MetricPoint], list[float]]]:
    """Each metric of a run as a member sees it, with the values that are behind it."""
    grown = {}
    for name, values in named.items():
        found = [(1_000 * number, value) for number, value in enumerate(values)]
        grown[name] = grow(MetricSeries("model", MetricKind.CUSTOM, name, "algo-1"), found, 10_000)
    rules = MetricRules(level, over=True, question=asked)
    shown = views(TOLD, [growth.series for growth in grown.values()], rules, secret.to_bytes(SECRET_BYTES, "big"))
    for view in shown:
        points = list(grown[view.series.name].points)
        yield view, points, [point.value for point in view.shown(points)]


class Estimate:
    """The mean of what is seen, each by how little noise it has."""

    def __init__(self) -> None:
        self.total = self.weight = 0.0
        self.least = math.inf

    def take(self, view: SeriesView, points: Sequence[MetricPoint], shown: Sequence[float]) -> None:
        """One series: how far its mean is from that of the truth."""
        assert view.noise is not None
        width = view.noise().spread
        missed = fmean(shown) - fmean(point.value for point in points)
        self.total += missed / width**2
        self.weight += 1 / width**2
        self.least = min(self.least, width)

    def left(self, level: NoiseLevel) -> float:
        """Of the noise, in the least of the spreads."""
        return self.total / self.weight / (SCALES[level] * self.least)


def curve(run: int, length: int = 6) -> list[float]:
    """Epochs of a training; each has another seed, and so another curve."""
    return [TRUTH - 0.3 / (1 + epoch) + 1e-4 * math.sin(run * 7 + epoch) for epoch in range(length)]


def stretches(run: int) -> dict[str, Sequence[float]]:
    """Forty definitions over the same lines, each of another stretch of epochs."""
    whole = curve(run, 44)
    return {f"acc{n}": whole[n : n + 4 + n % 3] for n in range(DEFINITIONS)}


def rms(found: Sequence[float]) -> float:
    return math.sqrt(fmean(value**2 for value in found))


def test_a_thousand_trainings_with_forty_definitions_each_leave_half_of_the_noise() -> None:
    """1,000 trainings of one server, and fewer of 80 others: what the run's own layer adds is as good as gone there."""
    level = NoiseLevel.HIGH

    def attack(secret: int, trainings: int) -> float:
        estimate = Estimate()
        for run in range(trainings):
            for series in seen(secret, question(run), stretches(run), level):
                estimate.take(*series)
        return estimate.left(level)

    assert rms([attack(secret, 6) for secret in range(80)]) > STAYS
    assert attack(0, 1_000) == pytest.approx(attack(0, 50), abs=0.2)


@pytest.mark.parametrize("level", SCALES)
def test_forty_definitions_of_the_same_lines_tell_no_more_than_one(level: NoiseLevel) -> None:
    found = []
    for secret in range(120):
        estimate = Estimate()
        for series in seen(secret, question(), {f"acc{n}": curve(0) for n in range(DEFINITIONS)}, level):
            estimate.take(*series)
        found.append(estimate.left(level))
    assert rms(found) > STAYS


def test_a_dummy_join_with_any_other_tables_leaves_half_of_the_noise() -> None:
    """Own tables are in no question. Those of others add noise of their own: the member takes the runs without."""
    level, found = NoiseLevel.HIGH, []
    for secret in range(120):
        estimate = Estimate()
        for run in range(32):
            beside = [f"333333333333 shop.table{n}" for n in range(5) if run >> n & 1]
            asked = question(run, ["111111111111 clinic.patients", *beside])
            for series in seen(secret, asked, {"acc": curve(run)}, level):
                estimate.take(*series)
        found.append(estimate.left(level))
    assert rms(found) > STAYS


def test_an_echo_of_a_guess_shows_the_right_one_no_more_than_the_wrong_ones() -> None:
    """The guess is printed under the same name, at the end of the same curve, by another algorithm."""
    level, equal, tried = NoiseLevel.HIGH, 0, 0
    for secret in range(60):
        truth = [*curve(0)[:3], 0.87]
        ((_, _, shown),) = seen(secret, question(), {"acc": truth}, level)
        for guess in range(80, 95):
            echo = question(guess, algorithm="echo")
            ((_, _, echoed),) = seen(secret, echo, {"acc": [*curve(0)[:3], guess / 100]}, level)
            tried += 1
            equal += echoed[-1] == shown[-1] or echoed == shown
    assert tried == 900
    assert equal <= 3  # shown values lie on a grid of 1/1024 of the spread


@pytest.mark.parametrize("value", [0.87, 1.0, 0.0])
def test_a_value_that_was_passed_in_is_no_metric_however_often_it_is_printed(value: float) -> None:
    for times in (1, 2, 100):
        assert list(seen(1, question(), {"guess": [value] * times}, NoiseLevel.LOW)) == []
