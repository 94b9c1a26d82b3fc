"""Metrics of runs: what a program says of itself in its log, and what its instances take of the machine.

A custom metric (MetricDefinition) is a name and a regular expression: the first group of its first match in a line
is a value. System metrics are sampled by the runtime under SageMaker's names. Both are kept as series of points, one
series for each name and host. Reading: controllers/metrics.py. Decision: docs/decisions/0013-metrics.md.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from whiteroom.domain.execution.spending import NOTHING_SPENT, Spent

SYSTEM_METRICS = ("CPUUtilization", "MemoryUtilization", "DiskUtilization", "GPUUtilization", "GPUMemoryUtilization")
"""Percent: CPUUtilization has 100 for each busy CPU, the GPUs' 100 for each GPU, the others are of the limit."""

POINTS_PER_SERIES = 10_000
POINTS_PER_RUN = 200_000
MIN_POINTS_PER_SERIES = 500
"""Of a run with as many series as there can be: 40 definitions and the system's, on 10 instances."""

SECONDS_PER_DEFINITION = 30.0
"""CPU time that the expression of one definition may take in a run: enough for millions of usual lines."""
TIMEOUTS_PER_DEFINITION = 10
"""On so many lines it may run into the time limit of a single line."""
SECONDS_PER_RUN = 300.0
TIMEOUTS_PER_RUN = 50
"""What all definitions of a run may take together. Beyond it those go that have taken more than their share."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NUMBER_CHARACTERS = 400
"""The longest text of a finite number has 309 digits before its point; converting takes more than linear time."""


class MetricKind(StrEnum):
    """Where a metric comes from. A program may name one of its own like one of the system's."""

    CUSTOM = "custom"
    """Found by metricDefinitions in what a program printed."""
    SYSTEM = "system"
    """What an instance took of the machine."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one instance took of the machine at one moment, by the names of `SYSTEM_METRICS`."""

    at_ms: int
    host: str
    values: Mapping[str, float]
    spent: Spent = NOTHING_SPENT
    """What it took since the sample before; nothing in those of earlier releases."""


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One value. `step` counts the values of its series from 0, also those that are not kept."""

    at_ms: int
    step: int
    value: float


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """All that one host said under one name. Every value is in count, minimum, maximum and last; not all are kept."""

    resource_id: str
    """Of the version of a trained model, or of the inference job."""
    kind: MetricKind
    name: str
    host: str
    stride: int = 1
    """Points are kept whose step is a multiple of it."""
    count: int = 0
    minimum: float = math.inf
    maximum: float = -math.inf
    last_at_ms: int = 0
    last_value: float = math.nan


@dataclass(frozen=True, slots=True)
class MetricReading:
    """How far the metrics of one run have been read."""

    id: str
    """The run's."""
    resource_id: str
    instances: int
    definitions: tuple[Mapping[str, str], ...]
    """MetricDefinition, as they were when the run was first looked at."""
    log_lines: int
    """How many lines of its log have been read."""
    usages: int
    """How many samples of its use of the machine have been read."""
    seconds: tuple[float, ...]
    """CPU time that each definition's expression has taken."""
    timeouts: tuple[int, ...]
    """On how many lines it ran into its time limit."""
    revision: int = 0
    """Counts the writes; each write names the revision it saw (ports.Stale)."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What is to be written after values were found: the series as it is then, and its new points."""

    series: MetricSeries
    points: tuple[MetricPoint, ...]
    thinned: bool
    """Whether earlier points are to go whose step is no multiple of the stride any more."""


def begin_reading(
    run_id: str, resource_id: str, definitions: Sequence[Mapping[str, str]], instances: int
) -> MetricReading:
    """Nothing has been read yet."""
    none = (0,) * len(definitions)
    return MetricReading(run_id, resource_id, instances, tuple(definitions), 0, 0, (0.0,) * len(none), none)


def switched_off(seconds: Sequence[float], timeouts: Sequence[int]) -> frozenset[int]:
    """Which of a run's definitions are not used any more, as much as each of them has taken."""
    most_seconds, most_timeouts = SECONDS_PER_DEFINITION, float(TIMEOUTS_PER_DEFINITION)
    if sum(seconds) >= SECONDS_PER_RUN:
        most_seconds = min(most_seconds, SECONDS_PER_RUN / len(seconds))
    if sum(timeouts) >= TIMEOUTS_PER_RUN:
        most_timeouts = min(most_timeouts, TIMEOUTS_PER_RUN / len(timeouts))
    costs = zip(seconds, timeouts, strict=True)
    return frozenset(
        number for number, (spent, times) in enumerate(costs) if spent >= most_seconds or times >= most_timeouts
    )


def note_of(reading: MetricReading) -> str | None:
    """What the members read about definitions that are not used any more (metricsStatusDetails)."""
    names = sorted({reading.definitions[n]["name"] for n in switched_off(reading.seconds, reading.timeouts)})
    if not names:
        return None
    return (
        f"No longer read from the log of this run: {', '.join(map(repr, names))}. The regular expression takes too "
        "long. Create the algorithm anew with a simpler one, associate it, and run a new job."
    )


def parse_value(text: str | None) -> float | None:
    """The finite number that a group captured; None where it is anything else."""
    text = (text or "").strip(" \t")
    if len(text) > _NUMBER_CHARACTERS or not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def points_limit(definitions: int, instances: int) -> int:
    """How many points of each series are kept in a run of so many series."""
    series = (definitions + len(SYSTEM_METRICS)) * max(instances, 1)
    return max(MIN_POINTS_PER_SERIES, min(POINTS_PER_SERIES, POINTS_PER_RUN // series))


def grow(series: MetricSeries, found: Sequence[tuple[int, float]], limit: int) -> Growth:
    """Put values, each with its time in milliseconds, at the end of a series.

    Where more than `limit` points would be kept, every second one goes, as often as needed: what is kept covers the
    whole run evenly, and depends on the values alone, not on how many were found at a time.
    """
    if not found:
        return Growth(series, (), thinned=False)
    count, stride = series.count + len(found), series.stride
    while -(-count // stride) > limit:
        stride *= 2
    points = tuple(
        MetricPoint(at_ms, step, value) for step, (at_ms, value) in enumerate(found, series.count) if step % stride == 0
    )
    values = [value for _, value in found]
    last_at_ms, last_value = found[-1]
    grown = replace(
        series,
        stride=stride,
        count=count,
        minimum=min(series.minimum, *values),
        maximum=max(series.maximum, *values),
        last_at_ms=last_at_ms,
        last_value=last_value,
    )
    return Growth(grown, points, thinned=stride > series.stride)
