"""Reads the metrics of runs into the store: custom ones from the log on disk, the system's from what was sampled.

How far a run has been read is written in the transaction that adds the points, guarded by a revision: whenever the
server dies, and whoever reads beside it, every line counts once. Rules and limits: domain/observability/metrics.py.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from whiteroom.base.clock import Clock
from whiteroom.controllers.metering import add
from whiteroom.controllers.metric_matching import Matcher
from whiteroom.domain.execution.runs import LogLine, Phase, RunId
from whiteroom.domain.execution.spending import NOTHING_SPENT, Spent
from whiteroom.domain.execution.steps import Step
from whiteroom.domain.observability.metrics import (
    MetricKind,
    MetricReading,
    MetricSeries,
    Usage,
    begin_reading,
    grow,
    note_of,
    points_limit,
)
from whiteroom.domain.resources.usage import Metered
from whiteroom.ports.runtime import Runtime
from whiteroom.ports.store import Store
from whiteroom.ports.transaction import Transaction

log = logging.getLogger(__name__)

METRICS_PUBLISHED = "PUBLISH_SUCCEEDED"
"""MetricsStatus: members with an ML configuration can read the metrics from the moment the run starts."""

READ_SECONDS = 2.0
"""How often a run that goes on is read."""
WORTH = 5
"""A read that takes long is followed by a pause this many times as long."""
PASS_SECONDS = 1.0
"""After so long a controller goes on to other things, and comes back."""
CHUNK = 5_000
"""Lines, samples or points of one transaction."""
CHUNK_SECONDS = 0.25


class _Key(NamedTuple):
    kind: MetricKind
    name: str
    host: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of reading, and what the members should read about it."""

    complete: bool = True
    """False where the run has ended and something of it is still to be read."""
    note: str | None = None


NOTHING_TAKEN = Taken()


class MetricsReader:
    """Reads what runs have written since it was last read. Safe from any thread."""

    def __init__(self, store: Store, runtime: Runtime, clock: Clock) -> None:
        self._store = store
        self._runtime = runtime
        self._clock = clock
        self._looks: dict[str, tuple[datetime, timedelta]] = {}
        """By run: when it was read, and how long it is left alone after that."""

    def take_in(
        self,
        run_id: RunId,
        resource_id: str,
        phase: Phase,
        *,
        instances: int = 1,
        definitions: Callable[[Transaction], Sequence[Mapping[str, str]]] = lambda _tx: (),
        metered: Metered | None = None,
    ) -> Taken:
        """Read on. A run that has ended is read to its last line, in as many calls as that takes.

        Args:
            run_id: whose log and samples.
            resource_id: what the metrics are kept under.
            phase: what the run was seen doing before this call.
            instances: how many it has.
            definitions: looks up its MetricDefinitions; they are kept once something of the run was read.
            metered: whose account what it takes of the machine is put on.

        Raises:
            Stale: another controller was faster; nothing is lost.
        """
        began = self._clock()
        last, pause = self._looks.get(run_id, (began, timedelta()))
        if phase is Phase.RUNNING and last <= began < last + pause:  # a clock that was set back delays nothing
            return NOTHING_TAKEN
        with self._store.reading() as tx:
            reading = tx.metrics.reading(run_id)
            if reading is None:
                reading = begin_reading(run_id, resource_id, definitions(tx), instances)
            series = {_Key(one.kind, one.name, one.host): one for one in tx.metrics.series(resource_id)}
        taken = self._read(_Pass(reading, series, metered))
        if phase is Phase.RUNNING:
            now = self._clock()
            self._looks[run_id] = now, max(timedelta(seconds=READ_SECONDS), WORTH * (now - began))
            return replace(taken, complete=True)
        self._looks.pop(run_id, None)
        return taken

    def _read(self, work: _Pass) -> Taken:
        until = time.monotonic() + PASS_SECONDS
        run_id = RunId(work.reading.id)
        lines = self._runtime.logs(run_id, work.reading.log_lines) if work.reading.definitions else iter(())
        usages = self._runtime.usage(run_id, work.reading.usages)
        while True:
            # Both are always asked: one of them may have come to its end first.
            ends = [work.take_usages(usages), work.take_lines(lines)]
            self._write(work)
            if all(ends) or time.monotonic() > until:
                return Taken(all(ends), note_of(work.reading))

    def _write(self, work: _Pass) -> None:
        """Write what was found and how far it was read, or neither."""
        spent = work.spent
        reading, growths = work.conclude()
        if reading == work.reading:
            return
        with self._store.transaction() as tx:
            tx.metrics.advance(reading, growths)
            if work.metered is not None:
                add(tx, work.metered, spent, self._clock())
        work.reading = replace(reading, revision=reading.revision + 1)


def with_metrics(step: Step, taken: Taken, recorded: str | None, now: datetime) -> Step:
    """The step with what reading the metrics adds to it.

    Args:
        step: what would be done without metrics.
        taken: what came of reading them.
        recorded: metricsStatusDetails, as they are.
        now: the time.
    """
    if not taken.complete and (step.event is not None or step.effect is not None):
        # The run is over, and its last lines are still to be read: before that nothing of it is freed.
        step = Step(due_at=now)
    if taken.note is None or taken.note == recorded:
        return step
    changes = {**step.changes, "metrics_status_details": taken.note}
    return replace(step, changes=changes, reason=step.reason or taken.note)


@dataclass(slots=True)
class _Pass:
    """One run's metrics while they are being read: what was found since the last write."""

    reading: MetricReading
    series: dict[_Key, MetricSeries]
    metered: Metered | None
    spent: dict[date, Spent] = field(default_factory=dict)
    matcher: Matcher = field(init=False)
    found: dict[_Key, list[tuple[int, float]]] = field(default_factory=dict)
    log_lines: int = 0
    usages: int = 0

    def __post_init__(self) -> None:
        self.matcher = Matcher(self.reading)

    def take_usages(self, usages: Iterator[Usage]) -> bool:
        """Take the next samples; whether there are no more."""
        for usage in itertools.islice(usages, CHUNK):
            self.usages += 1
            day = datetime.fromtimestamp(usage.at_ms / 1000, UTC).date()
            self.spent[day] = self.spent.get(day, NOTHING_SPENT) + usage.spent
            for name, value in usage.values.items():
                self._found(_Key(MetricKind.SYSTEM, name, usage.host), usage.at_ms, value)
        return self.usages < CHUNK

    def take_lines(self, lines: Iterator[LogLine]) -> bool:
        """Match the next lines; whether there are no more."""
        until = time.monotonic() + CHUNK_SECONDS
        points = 0
        for line in itertools.islice(lines, CHUNK):
            self.log_lines += 1
            if line.stream == "platform":
                continue
            for name, value in self.matcher.values(line.text):
                points += 1
                self._found(_Key(MetricKind.CUSTOM, name, line.host), line.at_ms, value)
            if points >= CHUNK or time.monotonic() > until:
                return False
        return self.log_lines < CHUNK

    def conclude(self) -> tuple[MetricReading, list[Any]]:
        """How far it has been read, and what is to be written of each series; then there is nothing found any more."""
        self.matcher.settle()
        before = self.reading
        limit = points_limit(len(before.definitions), before.instances)
        growths = []
        for key, found in self.found.items():
            series = self.series.get(key) or MetricSeries(before.resource_id, *key)
            growth = grow(series, found, limit)
            self.series[key] = growth.series
            growths.append(growth)
        reading = replace(
            before,
            log_lines=before.log_lines + self.log_lines,
            usages=before.usages + self.usages,
            seconds=tuple(self.matcher.seconds),
            timeouts=tuple(self.matcher.timeouts),
        )
        self.found, self.spent, self.log_lines, self.usages = {}, {}, 0, 0
        return reading, growths

    def _found(self, key: _Key, at_ms: int, value: float) -> None:
        self.found.setdefault(key, []).append((at_ms, value))
