"""OpenMetrics 1.0, which Prometheus reads: what the server has answered, how long that took, and what there is to do.

Counts and times alone, by the names that the service models and Whiteroom itself have. Nothing that a member wrote is
a label: no account, name, ARN or message.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

MEDIA_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One line: a family's name continued by `suffix`, labels and a value."""

    suffix: str
    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Family:
    """One metric of Prometheus's."""

    name: str
    type: str
    """`counter`, `gauge`, `histogram` or `info`."""
    help: str
    samples: Sequence[Sample]
    unit: str = ""


@dataclass(slots=True)
class _Times:
    """The answers of one operation: how many in each bucket, and how long they took together."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_SECONDS) + 1))
    seconds: float = 0.0


class Requests:
    """Counts answers. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, str, int], int] = {}
        self._times: dict[tuple[str, str], _Times] = {}

    def observe(self, service: str, operation: str, status: int, seconds: float) -> None:
        """Count one answer. Service and operation are names of the models, or empty where the request named none."""
        with self._lock:
            self._answers[service, operation, status] = self._answers.get((service, operation, status), 0) + 1
            times = self._times.setdefault((service, operation), _Times())
            times.counts[bisect_left(BUCKETS_SECONDS, seconds)] += 1
            times.seconds += seconds

    def families(self) -> Sequence[Family]:
        """What has been counted so far."""
        with self._lock:
            answers = sorted(self._answers.items())
            times = [(key, tuple(of.counts), of.seconds) for key, of in sorted(self._times.items())]
        counted = [
            Sample("_total", (*_named(service, operation), ("status", str(status))), number)
            for (service, operation, status), number in answers
        ]
        timed = [sample for key, counts, seconds in times for sample in _histogram(_named(*key), counts, seconds)]
        duration = "How long answers took, from the request's last byte on."
        return (
            Family("whiteroom_requests", "counter", "Answers, by operation and HTTP status.", counted),
            Family("whiteroom_request_duration_seconds", "histogram", duration, timed, "seconds"),
        )


def gauge(name: str, help_: str, values: Mapping[Labels, float], unit: str = "") -> Family:
    """What can rise and fall."""
    return Family(name, "gauge", help_, [Sample("", labels, value) for labels, value in sorted(values.items())], unit)


def info(name: str, help_: str, **labels: str) -> Family:
    """What does not change while the server runs."""
    return Family(name, "info", help_, [Sample("_info", tuple(labels.items()), 1)])


def exposition(families: Iterable[Family]) -> bytes:
    """All of them, as Prometheus reads them."""
    return "\n".join([*(line for family in families for line in _lines(family)), "# EOF", ""]).encode()


def _lines(family: Family) -> Iterator[str]:
    yield f"# TYPE {family.name} {family.type}"
    if family.unit:
        yield f"# UNIT {family.name} {family.unit}"
    yield f"# HELP {family.name} {_escaped(family.help)}"
    for sample in family.samples:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels)
        yield f"{family.name}{sample.suffix}{f'{{{labels}}}' if labels else ''} {_number(sample.value)}"


def _histogram(labels: Labels, counts: Sequence[int], seconds: float) -> Iterator[Sample]:
    total = 0
    for limit, count in zip((*map(str, BUCKETS_SECONDS), "+Inf"), counts, strict=True):
        total += count
        yield Sample("_bucket", (*labels, ("le", limit)), total)
    yield Sample("_count", labels, total)
    yield Sample("_sum", labels, seconds)


def _named(service: str, operation: str) -> Labels:
    return (("service", service), ("operation", operation))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
