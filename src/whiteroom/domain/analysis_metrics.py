"""Metrics of analyses: how long queries took, how many there were, how much they wrote, for who ran or pays for them.

Source: isMetricsEnabled of CreateCollaboration and CreateMembership (botocore 1.44.5), namespace AWS/CleanRooms. What
was written is told by its order of magnitude, as exported analysis logs have it; where a rule hides small groups or
single users it is not told at all: it would be what the rule keeps from its reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whiteroom.domain.collaborations import Collaboration
from whiteroom.domain.memberships import Membership, MembershipStatus
from whiteroom.domain.protected_queries import LIFECYCLE, ProtectedQueryStatus
from whiteroom.domain.queries import QueryTable

NAMESPACE = "AWS/CleanRooms"
COLLABORATION, ANALYSIS = "CollaborationId", "AnalysisId"

RUNTIME, COUNT, CONCURRENT = "AnalysisRuntime", "AnalysesCount", "ConcurrentQueries"
RECORDS, BYTES = "RecordsWritten", "BytesWritten"
UNITS: Mapping[str, str] = {
    RUNTIME: "Milliseconds",
    COUNT: "Count",
    CONCURRENT: "Count",
    RECORDS: "Count",
    BYTES: "Bytes",
}
"""Of each metric."""

Point = tuple[int, float]
"""Milliseconds since 1970, and the value."""

_TOLD_FROM = 100
"""What is less is told as 0."""


@dataclass(frozen=True, slots=True)
class MeasuredQuery:
    """What of a protected query's record its metrics depend on."""

    id: str
    membership_id: str
    account_id: str
    collaboration_id: str
    payer_account_id: str | None
    status: ProtectedQueryStatus
    written: Mapping[str, Any] | None
    created_at: datetime
    updated_at: datetime


def metrics_enabled(collaboration: Collaboration, membership: Membership) -> bool:
    """Whether a member has metrics: both must have them enabled, and the member must still be there."""
    enabled = bool(collaboration.is_metrics_enabled and membership.is_metrics_enabled)
    return enabled and membership.status is MembershipStatus.ACTIVE


def written(rows: int, size_bytes: int, tables: Iterable[QueryTable]) -> Mapping[str, int] | None:
    """What is kept of how much a query wrote; None where the rule of a table that it read hides how many there are."""
    if any(_hides_counts(table) for table in tables):
        return None
    return {RECORDS: magnitude(rows), BYTES: magnitude(size_bytes)}


def magnitude(number: int) -> int:
    """A count as metrics tell it: its first power of ten, and 0 below 100."""
    return 0 if number < _TOLD_FROM else int(10 ** (len(str(number)) - 1))


def series_of(queries: Sequence[MeasuredQuery]) -> dict[tuple[str, str | None], list[Point]]:
    """The points of every metric, by its name and the query that it is of, None for all of a collaboration together."""
    found: dict[tuple[str, str | None], list[Point]] = {}
    steps: list[tuple[int, int]] = []
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
        for name, value in (query.written or {}).items():
            found[name, query.id] = [(at_ms, float(value))]
    under_way = 0
    for at_ms, change in sorted(steps):
        under_way += change
        found.setdefault((CONCURRENT, None), []).append((at_ms, float(under_way)))
    return {key: sorted(points) for key, points in found.items()}


def _hides_counts(table: QueryTable) -> bool:
    rule = table.rule or {}
    return bool(
        table.rule_type == "AGGREGATION" or rule.get("aggregationThresholds") or rule.get("differentialPrivacy")
    )


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
