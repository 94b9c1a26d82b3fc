"""Reads the metrics of runs into the store: custom ones from the log on disk, the system's from what was sampled.

How far a run has been read is written in the transaction that adds the points, guarded by a revision: whenever the
server dies, and whoever reads beside it, every line counts once. Rules and limits: domain/metrics.py.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import re2
import regex

from whiteroom.base.clock import Clock
from whiteroom.domain.metrics import (
    TIMEOUTS_PER_DEFINITION,
    MetricKind,
    MetricReading,
    MetricSeries,
    Usage,
    begin_reading,
    grow,
    is_switched_off,
    note_of,
    parse_value,
    points_limit,
)
from whiteroom.domain.runs import LogLine, Phase, RunId
from whiteroom.domain.steps import Step
from whiteroom.ports import Runtime, Store, Transaction

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
LINE_SECONDS = 0.1
"""How long an expression that RE2 cannot express may take over one line."""
_RE2_BYTES = 1 << 20
"""The memory of one expression. The larger its program, the slower the worst line."""

Search = Callable[[str, bytes], str | None]
"""The first group of the first match in a line, which is given as text and in UTF-8.

Raises:
    TimeoutError: the line took too long.
"""


class _Key(NamedTuple):
    kind: MetricKind
    name: str
    host: str


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of reading, and what the members are to be told."""

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
        self._next_look: dict[str, datetime] = {}

    def take_in(
        self,
        run_id: RunId,
        resource_id: str,
        phase: Phase,
        *,
        instances: int = 1,
        definitions: Callable[[Transaction], Sequence[Mapping[str, str]]] = lambda _tx: (),
    ) -> Taken:
        """Read on. A run that has ended is read to its last line, in as many calls as that takes.

        Args:
            run_id: whose log and samples.
            resource_id: what the metrics are kept under.
            phase: what the run was seen doing before this call.
            instances: how many it has.
            definitions: looks up its MetricDefinitions; they are kept once something of the run was read.

        Raises:
            Stale: another controller was faster; nothing is lost.
        """
        began = self._clock()
        if phase is Phase.RUNNING and began < self._next_look.get(run_id, began):
            return NOTHING_TAKEN
        with self._store.reading() as tx:
            reading = tx.metrics.reading(run_id)
            if reading is None:
                reading = begin_reading(run_id, resource_id, definitions(tx), instances)
            series = {_Key(one.kind, one.name, one.host): one for one in tx.metrics.series(resource_id)}
        taken = self._read(_Pass(reading, series))
        if phase is Phase.RUNNING:
            now = self._clock()
            self._next_look[run_id] = now + max(timedelta(seconds=READ_SECONDS), WORTH * (now - began))
            return replace(taken, complete=True)
        self._next_look.pop(run_id, None)
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
        reading, growths = work.conclude()
        if reading == work.reading:
            return
        with self._store.transaction() as tx:
            tx.metrics.advance(reading, growths)
        work.reading = replace(reading, revision=reading.revision + 1)


def with_metrics(step: Step, taken: Taken, told: str | None, now: datetime) -> Step:
    """The step with what reading the metrics adds to it.

    Args:
        step: what would be done without metrics.
        taken: what came of reading them.
        told: metricsStatusDetails, as they are.
        now: the time.
    """
    if not taken.complete and (step.event is not None or step.effect is not None):
        # The run is over, and its last lines are still to be read: before that nothing of it is freed.
        step = Step(due_at=now)
    if taken.note is None or taken.note == told:
        return step
    changes = {**step.changes, "metrics_status_details": taken.note}
    return replace(step, changes=changes, reason=step.reason or taken.note)


@dataclass(slots=True)
class _Pass:
    """One run's metrics while they are being read: what was found since the last write."""

    reading: MetricReading
    series: dict[_Key, MetricSeries]
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
        self.found, self.log_lines, self.usages = {}, 0, 0
        return reading, growths

    def _found(self, key: _Key, at_ms: int, value: float) -> None:
        self.found.setdefault(key, []).append((at_ms, value))


class Matcher:
    """The definitions of one run at work, and what each has cost."""

    def __init__(self, reading: MetricReading) -> None:
        self.seconds = list(reading.seconds)
        self.timeouts = list(reading.timeouts)
        self._searches = [
            (number, definition["name"], search)
            for number, definition in enumerate(reading.definitions)
            if (search := compiled(definition["regex"])) is not None
        ]
        self._waited = [0.0] * len(self.seconds)
        self._began = time.thread_time(), time.perf_counter()
        self._drop_costly()

    def values(self, line: str) -> Iterable[tuple[str, float]]:
        """The values in one line, each with its metric's name, in the order of the definitions."""
        values = []
        costly = False
        encoded = line.encode(errors="replace")
        began = time.perf_counter()
        for number, name, search in self._searches:
            try:
                value = parse_value(search(line, encoded))
            except TimeoutError:
                self.timeouts[number] += 1
                value = None
                costly = costly or self.timeouts[number] >= TIMEOUTS_PER_DEFINITION
            if value is not None:
                values.append((name, value))
            ended = time.perf_counter()
            self._waited[number] += ended - began
            began = ended
        if costly:
            self._drop_costly()
        return values

    def settle(self) -> None:
        """Charge the definitions for the lines since the last time, and drop those that have cost too much.

        For CPU time: on a machine that is busy with other things no expression is to blame. Asking for it at each
        line would cost as much as a match, so that it is shared out as the time was.
        """
        cpu, now = time.thread_time(), time.perf_counter()
        share = min(1.0, (cpu - self._began[0]) / max(now - self._began[1], 1e-9))
        self.seconds = [spent + share * waited for spent, waited in zip(self.seconds, self._waited, strict=True)]
        self._waited = [0.0] * len(self.seconds)
        self._began = cpu, now
        self._drop_costly()

    def _drop_costly(self) -> None:
        self._searches = [
            entry for entry in self._searches if not is_switched_off(self.seconds[entry[0]], self.timeouts[entry[0]])
        ]


def compiled(pattern: str) -> Search | None:
    """What searches for `pattern`: RE2, or for what it cannot express `regex`; None where neither reads it.

    None is for what was recorded by an earlier release: operations/patterns.py lets no other in.
    """
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _RE2_BYTES
    try:
        return _search_in_bytes(re2.compile(pattern.encode(), options))
    except (re2.error, UnicodeEncodeError):
        pass
    try:
        return _search_in_text(regex.compile(pattern))
    except (regex.error, RecursionError, OverflowError, MemoryError, IndexError):
        return None


def _search_in_bytes(expression: Any) -> Search | None:
    if not expression.groups:
        return None

    def search(_line: str, encoded: bytes) -> str | None:
        # In a text RE2's wrapper would count the characters before each match.
        match = expression.search(encoded)
        group = None if match is None else match.group(1)
        return None if group is None else str(group, "utf-8", "replace")

    return search


def _search_in_text(expression: Any) -> Search | None:
    if not expression.groups:
        return None

    def search(line: str, _encoded: bytes) -> str | None:
        match = expression.search(line, timeout=LINE_SECONDS)
        group: str | None = None if match is None else match.group(1)
        return group

    return search
