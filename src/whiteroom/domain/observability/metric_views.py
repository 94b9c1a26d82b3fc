"""Who sees which metrics of a run, and when.

    kind    noise level         while the run goes on   when it is over
    system  any                 as they are             as they are
    custom  NONE, or no policy  as they are             as they are
    custom  LOW, MEDIUM, HIGH   not at all              with noise (domain/observability/metric_noise.py)
    custom  not known any more  not at all              not at all

Under noise a metric that never changes is not shown either: it has no trend, and may be what the run was given.

That is for members of the collaboration that `domain/observability/publication.py` tells PUBLISH_SUCCEEDED: who had
an ML configuration when the run started. Nobody else sees any. The operator sees all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial

from whiteroom.domain.observability.metric_noise import Noise, Question, is_constant, noise_on
from whiteroom.domain.observability.metrics import MetricKind, MetricPoint, MetricSeries
from whiteroom.domain.observability.publication import Publication
from whiteroom.domain.privacy.policies import NoiseLevel
from whiteroom.domain.resources.trained_models import Status

PUBLISHED = "PUBLISH_SUCCEEDED"

UNDER_WAY = frozenset(
    {
        Status.CREATE_PENDING,
        Status.CREATE_IN_PROGRESS,
        Status.CANCEL_PENDING,
        Status.CANCEL_IN_PROGRESS,
        Status.CANCEL_FAILED,
    }
)
"""Statuses in which a training may still measure something."""


class Sight(StrEnum):
    """How a series is shown."""

    PLAIN = "plain"
    """As it was measured."""
    NOISY = "noisy"
    """With the noise of the association's policy."""
    HIDDEN = "hidden"
    """Not at all."""


@dataclass(frozen=True, slots=True)
class MetricRules:
    """What decides how a member sees the custom metrics of one run."""

    level: NoiseLevel | None
    """None where the policy is not known any more: its association has been deleted."""
    over: bool
    """Whether the run measures no more."""
    question: Question | None = None
    """What the run was asked; needed where noise is to be drawn. None there: the tables that it learned from are not
    known any more, and nothing that has noise is shown."""


@dataclass(frozen=True, slots=True)
class SeriesView:
    """A series as a member sees it."""

    series: MetricSeries
    noise: Callable[[], Noise] | None
    """Drawn when points are wanted: it takes a moment, and most series are only listed."""

    def shown(self, points: Iterable[MetricPoint]) -> Iterator[MetricPoint]:
        """Points of the series as they are shown."""
        return iter(points) if self.noise is None else map(self.noise().on, points)


def is_over(status: Status, run_ended_at: datetime | None) -> bool:
    """Whether nothing of a training is measured any more, so that its noise stays what it is.

    Not before its end is recorded: that is done when its last line has been read. What is left of a run whose end
    nobody saw (its machine was lost, its member removed) may be read later; its noisy metrics stay hidden.
    """
    return status not in UNDER_WAY and run_ended_at is not None


def sight(kind: MetricKind, level: NoiseLevel | None, *, over: bool) -> Sight:
    """The table above, for a member that may read."""
    if kind is MetricKind.SYSTEM or level is NoiseLevel.NONE:
        return Sight.PLAIN
    return Sight.NOISY if over and level is not None else Sight.HIDDEN


def views(
    publication: Publication, series: Iterable[MetricSeries], rules: MetricRules, secret: bytes
) -> tuple[SeriesView, ...]:
    """What a member sees of the series of one run.

    Args:
        publication: what the member reads about the metrics of the run (publication.metrics_publication).
        series: all of the run.
        rules: how custom ones are shown.
        secret: the server's own, for the noise.
    """
    if publication.status != PUBLISHED:
        return ()
    found = tuple(series)
    seen = []
    for one in found:
        how = sight(one.kind, rules.level, over=rules.over)
        if how is Sight.PLAIN:
            seen.append(SeriesView(one, None))
        elif how is Sight.NOISY and rules.question is not None and not is_constant(_siblings(one, found)):
            seen.append(SeriesView(one, partial(_noise, one, found, rules, secret)))
    return tuple(seen)


def publication_of(publication: Publication, rules: MetricRules) -> Publication:
    """What metricsStatus says to a member: nothing yet, and why, while there are metrics that it may not see.

    The model has no value for what waits (MetricsStatus: PUBLISH_SUCCEEDED, PUBLISH_FAILED).
    """
    if publication.status != PUBLISHED or sight(MetricKind.CUSTOM, rules.level, over=rules.over) is not Sight.HIDDEN:
        return publication
    return Publication(None, " ".join(filter(None, (note_for(publication, rules), publication.details))))


def note_for(publication: Publication, rules: MetricRules) -> str | None:
    """Why a member sees fewer metrics than there are; None where it sees all of them as they are."""
    if publication.status != PUBLISHED:
        return publication.details or "The run has not started."
    if rules.level is None:
        return "The algorithm's association was deleted, and with it its policy: custom metrics are not shown any more."
    if rules.level is NoiseLevel.NONE:
        return None
    if not rules.over:
        return (
            f"Custom metrics have the noise level {rules.level}: they are shown when the training has ended, and "
            "never where its end is not known."
        )
    if rules.question is None:
        return (
            "A table that the training learned from was taken out of the collaboration: custom metrics, which have the "
            f"noise level {rules.level}, are not shown any more."
        )
    return f"Custom metrics are shown with the noise level {rules.level}; those that never change are not shown."


def _siblings(series: MetricSeries, found: Iterable[MetricSeries]) -> list[MetricSeries]:
    return [one for one in found if (one.kind, one.name) == (series.kind, series.name)]


def _noise(series: MetricSeries, found: Iterable[MetricSeries], rules: MetricRules, secret: bytes) -> Noise:
    if rules.level is None or rules.question is None:
        raise ValueError("Without a known level and question nothing is shown.")
    return noise_on(rules.level, secret, rules.question, series, _siblings(series, found))
