"""ports.Metrics on the real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from whiteroom.domain.observability.metrics import (
    Growth,
    MetricKind,
    MetricPoint,
    MetricReading,
    MetricSeries,
    begin_reading,
    grow,
)
from whiteroom.ports import Stale
from whiteroom.store.sqlite import SqliteStore

READING = begin_reading("training-1", "model-1", [{"name": "loss", "regex": "(.)"}], 2)
LOSS = MetricSeries("model-1", MetricKind.CUSTOM, "loss", "algo-1")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "whiteroom.db")
    yield store
    store.close()


def write(store: SqliteStore, *growths: Growth, reading: MetricReading = READING) -> MetricReading:
    with store.transaction() as tx:
        tx.metrics.advance(reading, growths)
    with store.reading() as tx:
        now = tx.metrics.reading(reading.id)
    assert now is not None
    return now


def values(*numbers: float) -> list[tuple[int, float]]:
    return [(1_000 * at, number) for at, number in enumerate(numbers)]


def points(store: SqliteStore, series: MetricSeries, limit: int = 100, **place: object) -> list[float]:
    with store.reading() as tx:
        return [point.value for point in tx.metrics.points(series, limit, **place)]  # type: ignore[arg-type]


def test_how_far_a_run_was_read_is_kept_with_what_was_found(store: SqliteStore) -> None:
    with store.reading() as tx:
        assert tx.metrics.reading("training-1") is None
        assert tx.metrics.series("model-1") == ()
    growth = grow(LOSS, values(3.5, -1e308, 2.0), 10)
    now = write(store, growth)
    assert (now.definitions, now.revision) == (READING.definitions, 1)
    with store.reading() as tx:
        assert tx.metrics.series("model-1") == (growth.series,)
        assert tx.metrics.points(LOSS, 10) == growth.points


def test_whoever_read_what_another_has_read_meanwhile_writes_nothing(store: SqliteStore) -> None:
    growth = grow(LOSS, values(1.0), 10)
    now = write(store, growth)
    for late in (READING, now.__class__(**{**{n: getattr(now, n) for n in now.__slots__}, "revision": 7})):
        with pytest.raises(Stale), store.transaction() as tx:
            tx.metrics.advance(late, [grow(growth.series, values(9.0), 10)])
    assert points(store, LOSS) == [1.0]
    assert write(store, grow(growth.series, values(2.0), 10), reading=now).revision == 2
    assert points(store, LOSS) == [1.0, 2.0]


def test_series_are_a_resources_own_and_come_by_kind_name_and_host(store: SqliteStore) -> None:
    names = [
        (MetricKind.SYSTEM, "CPUUtilization", "algo-1"),
        (MetricKind.CUSTOM, "loss", "algo-2"),
        (MetricKind.CUSTOM, "loss", "algo-1"),
        (MetricKind.CUSTOM, "CPUUtilization", "algo-1"),
        (MetricKind.CUSTOM, "o'dd \u0000 \U0001f600", "algo-1"),
    ]
    write(store, *(grow(MetricSeries("model-1", *name), values(1.0), 10) for name in names))
    other = begin_reading("training-2", "model-2", [], 1)
    write(store, grow(MetricSeries("model-2", *names[0]), values(5.0), 10), reading=other)
    with store.reading() as tx:
        found = [(series.kind, series.name, series.host) for series in tx.metrics.series("model-1")]
    assert found == sorted(names)
    assert points(store, MetricSeries("model-1", *names[0])) == [1.0]
    assert points(store, MetricSeries("model-2", *names[0])) == [5.0]
    assert points(store, MetricSeries("model-3", *names[0])) == []


def test_points_are_read_in_order_of_time_within_bounds_and_by_pages(store: SqliteStore) -> None:
    found = [(3_000, 3.0), (1_000, 1.0), (2_000, 2.0), (2_000, 2.5), (0, 0.0)]
    write(store, grow(LOSS, found, 10))
    assert points(store, LOSS) == [0.0, 1.0, 2.0, 2.5, 3.0]
    assert points(store, LOSS, from_ms=1_000, until_ms=3_000) == [1.0, 2.0, 2.5]
    assert points(store, LOSS, from_ms=3_001) == []
    assert points(store, LOSS, until_ms=0) == []
    pages, last = [], None
    while True:
        with store.reading() as tx:
            page = tx.metrics.points(LOSS, 2, after=last, from_ms=1_000)
        pages.append([point.value for point in page])
        if len(page) < 2:
            break
        last = page[-1]
    assert pages == [[1.0, 2.0], [2.5, 3.0], []]


def test_a_series_that_is_thinned_loses_every_point_between(store: SqliteStore) -> None:
    first = grow(LOSS, values(*map(float, range(4))), 4)
    now = write(store, first)
    write(store, grow(first.series, [(9_000, 4.0), (10_000, 5.0)], 4), reading=now)
    with store.reading() as tx:
        (series,) = tx.metrics.series("model-1")
        kept = tx.metrics.points(LOSS, 10)
    assert (series.stride, series.count, series.maximum, series.last_value) == (2, 6, 5.0, 5.0)
    assert kept == (MetricPoint(0, 0, 0.0), MetricPoint(2_000, 2, 2.0), MetricPoint(9_000, 4, 4.0))


def test_a_range_of_a_series_is_found_by_its_key_alone(store: SqliteStore) -> None:
    write(store, grow(LOSS, values(1.0), 10))
    with store.reading() as tx:
        tx.metrics.points(LOSS, 10)
        prepared = tx._session.cache["metrics", "points"]
        plan = tx._session.connection.execute(  # type: ignore[attr-defined]
            f"EXPLAIN QUERY PLAN {prepared.sql}", [None] * len(prepared.names)
        ).fetchall()
    steps = [row[3] for row in plan]
    assert all(step.startswith("SEARCH") for step in steps), steps
