"""Metrics of analyses: how long queries took, what they read, wrote and used, for who ran or pays for them.

Source: isMetricsEnabled of CreateCollaboration and CreateMembership (botocore 1.44.5), namespace AWS/CleanRooms; user
guide, "Detailed monitoring with CloudWatch". No value here may reveal what a rule keeps from its reader:

- What was read does not depend on filters, nor on any value. It is the rows that the tables have as a whole, each
  table's by its order of magnitude before they are added up (with a table of one's own as large as one likes, a sum of
  exact numbers would cross the next power of ten just where one wants to know), and bytes as Spark takes them to be
  where it knows the types alone.
- For a query that read a table whose rule hides small groups or single users, nothing is shown that depends on rows.
- What was written is shown by its order of magnitude; shares are shown in steps of ten percent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whiteroom.domain.execution.queries import QueryUse
from whiteroom.domain.privacy.column_types import default_bytes
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.resources.collaborations import Collaboration
from whiteroom.domain.resources.memberships import Membership, MembershipStatus
from whiteroom.domain.resources.protected_queries import LIFECYCLE, ProtectedQueryStatus

NAMESPACE = "AWS/CleanRooms"
COLLABORATION, ANALYSIS = "CollaborationId", "AnalysisId"

RUNTIME, COUNT, CONCURRENT = "AnalysisRuntime", "AnalysesCount", "ConcurrentQueries"
CONCURRENT_VCPUS, CRPU = "ConcurrentVCPUs", "CRPUConsumed"
RECORDS, BYTES = "RecordsWritten", "BytesWritten"
RECORDS_READ, BYTES_READ, FILES_READ = "RecordsRead", "BytesRead", "QueryFileScanned"
CPU_SHARE, MEMORY_SHARE = "VCPUUtilization", "MemoryUtilization"
UNITS: Mapping[str, str] = {
    RUNTIME: "Milliseconds",
    COUNT: "Count",
    CONCURRENT: "Count",
    CONCURRENT_VCPUS: "Count",
    CRPU: "Count",
    RECORDS: "Count",
    BYTES: "Bytes",
    RECORDS_READ: "Count",
    BYTES_READ: "Bytes",
    FILES_READ: "Count",
    CPU_SHARE: "Percent",
    MEMORY_SHARE: "Percent",
}
"""Of each metric."""

Point = tuple[int, float]
"""Milliseconds since 1970, and the value."""

_TOLD_FROM = 100
"""Anything less is shown as 0."""
_PERCENT_STEP = 10

CPUS = "vCPUs"
"""Among the measures that are kept of a query: the processors that it was granted."""
CPUS_OF_A_CRPU = 2
"""16 workers CR.1X, which have 64 vCPUs, are 32 Clean Rooms Processing Units."""
LEAST_SECONDS = 60.0
"""As AWS bills it."""


@dataclass(frozen=True, slots=True)
class MeasuredQuery:
    """What of a protected query's record its metrics depend on."""

    id: str
    membership_id: str
    account_id: str
    collaboration_id: str
    payer_account_id: str | None
    status: ProtectedQueryStatus
    measures: Mapping[str, Any] | None
    started_at: datetime | None
    created_at: datetime
    updated_at: datetime


def metrics_enabled(collaboration: Collaboration, membership: Membership) -> bool:
    """Whether a member has metrics: both must have them enabled, and the member must still be there."""
    enabled = bool(collaboration.is_metrics_enabled and membership.is_metrics_enabled)
    return enabled and membership.status is MembershipStatus.ACTIVE


def measures(
    rows: int, size_bytes: int, use: QueryUse | None, tables: Iterable[QueryTable] | None
) -> Mapping[str, float]:
    """What is kept of a query that gave rows, as metrics show it.

    Args:
        rows: how many it wrote.
        size_bytes: their files.
        use: what it read and used, as far as the engine says.
        tables: what it read, with the rules of now; None where those of one of them are not known any more.
    """
    granted = {} if use is None else {CPUS: float(use.cpus)}
    if tables is None or any(table.hides_counts for table in tables):
        return granted
    used = {} if use is None else _used(use)
    return {**granted, **used, RECORDS: magnitude(rows), BYTES: magnitude(size_bytes)}


def _used(use: QueryUse) -> dict[str, float]:
    found: dict[str, float] = {
        CPU_SHARE: share(use.cpu_seconds, use.cpus * use.seconds),
        MEMORY_SHARE: share(use.peak_memory_bytes, use.memory_bytes),
    }
    if use.tables is not None:
        found[RECORDS_READ] = sum(magnitude(table.rows) for table in use.tables)
        found[BYTES_READ] = sum(magnitude(table.rows) * sum(map(default_bytes, table.columns)) for table in use.tables)
        found[FILES_READ] = sum(magnitude(table.files) for table in use.tables)
    return found


def share(part: float, whole: float) -> float:
    """A part of a whole in percent, rounded up to the next ten of a hundred."""
    steps = 100 // _PERCENT_STEP
    return float(min(steps, math.ceil(steps * part / whole)) * _PERCENT_STEP) if whole > 0 else 0.0


def magnitude(number: int) -> int:
    """A count as metrics show it: its first power of ten, and 0 below 100."""
    return 0 if number < _TOLD_FROM else int(10 ** (len(str(number)) - 1))


def series_of(queries: Sequence[MeasuredQuery]) -> dict[tuple[str, str | None], list[Point]]:
    """The points of every metric, by its name and the query that it is of, None for all of a collaboration together."""
    found: dict[tuple[str, str | None], list[Point]] = {}
    steps: list[tuple[int, float]] = []
    cpu_steps: list[tuple[int, float]] = []
    for query in queries:
        steps.append((_millis(query.created_at), 1))
        if not LIFECYCLE.at_rest(query.status):
            continue
        at_ms = _millis(query.updated_at)
        steps.append((at_ms, -1))
        took = (at_ms, float(at_ms - _millis(query.created_at)))
        found.setdefault((RUNTIME, None), []).append(took)
        found.setdefault((COUNT, None), []).append((at_ms, 1.0))
        found[RUNTIME, query.id] = [took]
        measures = dict(query.measures or {})
        cpus = measures.pop(CPUS, None)
        if cpus is not None:
            began = query.started_at or query.created_at
            cpu_steps += [(_millis(began), cpus), (at_ms, -cpus)]
            measures[CRPU] = crpu_hours(cpus, began, query.updated_at)
            found.setdefault((CRPU, None), []).append((at_ms, measures[CRPU]))
        for name, value in measures.items():
            found[name, query.id] = [(at_ms, float(value))]
    found |= {(CONCURRENT, None): _running_sum(steps), (CONCURRENT_VCPUS, None): _running_sum(cpu_steps)}
    return {key: sorted(points) for key, points in found.items() if points}


def crpu_hours(cpus: float, began: datetime, ended: datetime) -> float:
    """What a query is billed: half of the processors that it was granted, times its hours, at least a minute."""
    seconds = (_millis(ended) - _millis(began)) / 1000
    return cpus / CPUS_OF_A_CRPU * max(seconds, LEAST_SECONDS) / 3600


def _running_sum(steps: Iterable[tuple[int, float]]) -> list[Point]:
    """How much there is at each step, where each adds to it or takes away."""
    total, points = 0.0, []
    for at_ms, change in sorted(steps):
        total += change
        points.append((at_ms, total))
    return points


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
