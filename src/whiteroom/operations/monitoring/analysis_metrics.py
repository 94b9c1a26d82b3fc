"""The metrics of analyses that one account may read: of the queries that it ran, or pays for.

What they are: domain/observability/analysis_metrics.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from whiteroom.domain.observability.analysis_metrics import (
    ANALYSIS,
    COLLABORATION,
    NAMESPACE,
    UNITS,
    MeasuredQuery,
    Point,
    metrics_enabled,
    series_of,
)
from whiteroom.domain.observability.metrics import MetricPoint
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.member_runs import every


@dataclass(frozen=True, slots=True)
class AnalysisMetric:
    """One metric of a collaboration's queries, or of one of them."""

    name: str
    dimensions: Mapping[str, str]
    series: Sequence[Point]

    @property
    def namespace(self) -> str:
        """AWS/CleanRooms."""
        return NAMESPACE

    @property
    def unit(self) -> str:
        """Of its values."""
        return UNITS[self.name]

    @property
    def last_at_ms(self) -> int:
        """When its last value was."""
        return self.series[-1][0]

    def points(self, from_ms: int, until_ms: int) -> Iterator[MetricPoint]:
        """Its values from one moment on, until another."""
        for step, (at_ms, value) in enumerate(self.series):
            if from_ms <= at_ms < until_ms:
                yield MetricPoint(at_ms, step, value)


def analysis_metrics(tx: Transaction, account_id: str, collaboration_id: str | None = None) -> Iterator[AnalysisMetric]:
    """Every metric that the account sees now; of one collaboration alone, where it is given."""
    for membership in tx.memberships.all(account_id=account_id):
        collaboration = tx.collaborations.get(membership.collaboration_id)
        if collaboration is None or collaboration_id not in {None, collaboration.id}:
            continue
        if not metrics_enabled(collaboration, membership):
            continue
        for (name, query_id), points in sorted(
            series_of(_queries(tx, account_id, collaboration.id)).items(),
            key=lambda item: (item[0][0], item[0][1] or ""),
        ):
            of_query = {} if query_id is None else {ANALYSIS: query_id}
            yield AnalysisMetric(name, {COLLABORATION: collaboration.id, **of_query}, points)


def analysis_metric(
    tx: Transaction, account_id: str, name: str, dimensions: Mapping[str, str]
) -> AnalysisMetric | None:
    """The metric with exactly these dimensions; None where the account sees none."""
    collaboration_id = dimensions.get(COLLABORATION)
    if collaboration_id is None:
        return None
    found = (one for one in analysis_metrics(tx, account_id, collaboration_id) if one.name == name)
    return next((one for one in found if dict(one.dimensions) == dict(dimensions)), None)


def _queries(tx: Transaction, account_id: str, collaboration_id: str) -> list[MeasuredQuery]:
    asked = (
        query
        for membership in tx.memberships.all(collaboration_id=collaboration_id)
        for query in every(tx.protected_queries, MeasuredQuery, membership_id=membership.id)
    )
    return [query for query in asked if account_id in {query.account_id, query.payer_account_id}]
