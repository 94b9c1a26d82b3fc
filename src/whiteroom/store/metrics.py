"""ports.Metrics: how far runs have been read, their series, and the points that are kept of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from whiteroom.domain.observability.metrics import Growth, MetricKind, MetricPoint, MetricReading, MetricSeries
from whiteroom.ports.repositories import Stale
from whiteroom.store.session import Rows, Session, Statement, execute
from whiteroom.store.tables import READINGS, metric_points, metric_readings, metric_series

_KEY = ("resource_id", "kind", "name", "host")
_COUNTS = ("stride", "count", "minimum", "maximum", "last_at_ms", "last_value")
_FIRST, _LAST = -(2**62), 2**62
"""Before and after every time in milliseconds."""


def _this_series() -> sa.ColumnElement[bool]:
    return sa.and_(*(metric_series.c[name] == sa.bindparam(f"key_{name}") for name in _KEY))


_STATEMENTS: Mapping[str, Statement] = {
    "reading": lambda: sa.select(metric_readings).where(metric_readings.c.id == sa.bindparam("run_id")),
    "begin": lambda: sa.insert(metric_readings).values({name: sa.bindparam(name) for name in READINGS.names}),
    "advance": lambda: (
        sa.update(metric_readings)
        .where(metric_readings.c.id == sa.bindparam("key_id"), metric_readings.c.revision == sa.bindparam("seen"))
        .values({name: sa.bindparam(name) for name in READINGS.names if name != "id"})
    ),
    "series": lambda: (
        sa.select(*(metric_series.c[name] for name in (*_KEY, *_COUNTS)))
        .where(metric_series.c.resource_id == sa.bindparam("resource_id"))
        .order_by(metric_series.c.kind, metric_series.c.name, metric_series.c.host)
    ),
    "grow": lambda: (
        sa.update(metric_series)
        .where(_this_series())
        .values({name: sa.bindparam(name) for name in _COUNTS})
        .returning(metric_series.c.id)
    ),
    "add series": lambda: (
        sa.insert(metric_series)
        .values({name: sa.bindparam(name) for name in (*_KEY, *_COUNTS)})
        .returning(metric_series.c.id)
    ),
    "thin": lambda: sa.delete(metric_points).where(
        metric_points.c.series_id == sa.bindparam("series_id"),
        metric_points.c.step % sa.bindparam("stride", type_=sa.BigInteger) != 0,
    ),
    "add point": lambda: sa.insert(metric_points).values(
        {name: sa.bindparam(name) for name in ("series_id", "at_ms", "step", "value")}
    ),
    "forget points": lambda: sa.delete(metric_points).where(
        metric_points.c.series_id.in_(
            sa.select(metric_series.c.id).where(metric_series.c.resource_id == sa.bindparam("resource_id"))
        )
    ),
    "forget series": lambda: sa.delete(metric_series).where(metric_series.c.resource_id == sa.bindparam("resource_id")),
    "forget readings": lambda: sa.delete(metric_readings).where(
        metric_readings.c.resource_id == sa.bindparam("resource_id")
    ),
    "points": lambda: (
        sa.select(metric_points.c.at_ms, metric_points.c.step, metric_points.c.value)
        .join(metric_series, metric_series.c.id == metric_points.c.series_id)
        .where(
            _this_series(),
            sa.tuple_(metric_points.c.at_ms, metric_points.c.step)
            > sa.tuple_(sa.bindparam("after_at_ms"), sa.bindparam("after_step")),
            metric_points.c.at_ms < sa.bindparam("until_ms"),
        )
        .order_by(metric_points.c.at_ms, metric_points.c.step)
        .limit(sa.bindparam("page_limit"))
    ),
}


class TableMetrics:
    """ports.Metrics over three tables."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def reading(self, run_id: str) -> MetricReading | None:
        rows, _ = self._run("reading", {"run_id": run_id})
        return READINGS.decode(rows[0]) if rows else None

    def advance(self, reading: MetricReading, growths: Iterable[Growth]) -> None:
        values = {**READINGS.encode_record(reading), "revision": reading.revision + 1}
        _, changed = self._run("advance", {**values, "key_id": reading.id, "seen": reading.revision})
        if not changed:
            if reading.revision or self.reading(reading.id) is not None:
                raise Stale(f"Another reader of the metrics of {reading.id} was faster.")
            self._run("begin", values)
        for growth in growths:
            self._grow(growth)

    def series(self, resource_id: str) -> tuple[MetricSeries, ...]:
        rows, _ = self._run("series", {"resource_id": resource_id})
        return tuple(
            MetricSeries(resource, MetricKind(kind), name, host, *counts)
            for resource, kind, name, host, *counts in rows
        )

    def forget(self, resource_id: str) -> None:
        for name in ("forget points", "forget series", "forget readings"):
            self._run(name, {"resource_id": resource_id})

    def points(
        self,
        series: MetricSeries,
        limit: int,
        *,
        after: MetricPoint | None = None,
        from_ms: int | None = None,
        until_ms: int | None = None,
    ) -> tuple[MetricPoint, ...]:
        # No step is negative: before every point of `from_ms`, after every point of the millisecond before.
        start = (_FIRST if from_ms is None else from_ms, -1)
        if after is not None:
            start = max(start, (after.at_ms, after.step))
        values = {
            **_key(series),
            "after_at_ms": start[0],
            "after_step": start[1],
            "until_ms": _LAST if until_ms is None else until_ms,
            "page_limit": limit,
        }
        rows, _ = self._run("points", values)
        return tuple(MetricPoint(*row) for row in rows)

    def _grow(self, growth: Growth) -> None:
        series = growth.series
        counts = {name: getattr(series, name) for name in _COUNTS}
        rows, _ = self._run("grow", {**_key(series), **counts})
        if not rows:
            key = {name: str(getattr(series, name)) for name in _KEY}
            rows, _ = self._run("add series", {**key, **counts})
        series_id = rows[0][0]
        if growth.thinned:
            self._run("thin", {"series_id": series_id, "stride": series.stride})
        for point in growth.points:
            row = {"series_id": series_id, "at_ms": point.at_ms, "step": point.step, "value": point.value}
            self._run("add point", row)

    def _run(self, name: str, values: Mapping[str, Any]) -> tuple[Rows, int]:
        return execute(self._session, ("metrics", name), _STATEMENTS[name], values)


def _key(series: MetricSeries) -> dict[str, str]:
    return {f"key_{name}": str(getattr(series, name)) for name in _KEY}
