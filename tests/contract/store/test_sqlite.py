"""SQLite as a store keeps to the contracts, and to what a file of this machine adds."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from contract.analysis_logs.suite import AnalysisLogsContract
from contract.repositories.suite import (
    LOSS,
    NOON,
    LifecycleRepositoryContract,
    MetricsContract,
    RepositoryContract,
    TagsContract,
    a_model,
    submit,
    values,
    write,
)
from contract.store.suite import StoreContract
from support.stores import Interleaved
from whiteroom.domain.observability.metrics import grow
from whiteroom.domain.resources.accounts import Account
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.ports.repositories import PageKey
from whiteroom.store.analysis_logs import TableAnalysisLogs
from whiteroom.store.lifecycles import TableLifecycleRepository
from whiteroom.store.metrics import TableMetrics
from whiteroom.store.repositories import TableRepository
from whiteroom.store.sqlite import SqliteStore
from whiteroom.store.tags import TableTags
from whiteroom.store.transaction import StoreTransaction


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "whiteroom.db")
    yield store
    store.close()


class TestSqlite(
    StoreContract,
    RepositoryContract,
    LifecycleRepositoryContract,
    TagsContract,
    MetricsContract,
    AnalysisLogsContract,
):
    adapters = (
        SqliteStore,
        StoreTransaction,
        TableRepository,
        TableLifecycleRepository,
        TableTags,
        TableMetrics,
        TableAnalysisLogs,
    )


class TestInterleaved(StoreContract):
    adapters = (Interleaved,)

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqliteStore]:
        store = Interleaved(tmp_path / "whiteroom.db")
        yield store
        store.close()


def test_every_search_is_read_from_its_index(store: SqliteStore) -> None:
    submit(store, a_model())
    with store.reading() as tx:
        tx.trained_models.page(10, PageKey(NOON, "x"), membership_id="m", is_latest=True)
    prepared = store._cache["trained_models", "page", TrainedModel, ("membership_id", "is_latest"), True]
    with sqlite3.connect(store.path) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {prepared.sql}", [0] * len(prepared.names)).fetchall()
    connection.close()
    steps = " ".join(row[3] for row in plan)
    assert "USING INDEX ix_trained_models_membership_id_is_latest" in steps
    assert "TEMP B-TREE" not in steps


def test_listeners_hear_of_work_once_it_is_committed(store: SqliteStore) -> None:
    heard: list[str] = []
    store.on_work(lambda: heard.append("work"))
    with store.transaction() as tx:
        tx.accounts.add(Account("111111111111", "one", NOON))
    assert heard == []
    submit(store, a_model())
    assert heard == ["work"]


def _write_for_ever(path: Path, ready: multiprocessing.synchronize.Event) -> None:
    store = SqliteStore(path)
    number = 0
    while True:
        submit(store, a_model(number))
        number += 1
        if number == 3:
            ready.set()


def test_a_writer_that_is_killed_leaves_whole_transactions(tmp_path: Path) -> None:
    path = tmp_path / "whiteroom.db"
    SqliteStore(path).close()
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_write_for_ever, args=(path, ready))
    process.start()
    assert process.pid is not None
    assert ready.wait(30)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    store = SqliteStore(path)
    with store.reading() as tx:
        models = tx.trained_models.all(membership_id="m", is_latest=True)
        assert len(models) >= 3
        assert all(len(tx.events(model.arn)) == 1 for model in models)
        assert len(tx.trained_models.working()) == len(models)
    store.close()


@pytest.fixture
def nearly_full(store: SqliteStore) -> SqliteStore:
    """SQLite finds the disk full two pages from here."""
    connection = store._session("writing").connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={pages + 2}")
    return store


def too_large(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.accounts.add(Account("2" * 12, "x" * 100_000, NOON))


def swallowed(store: SqliteStore) -> None:
    """SQLite has undone all of it by the time that the second account is added."""
    with store.transaction() as tx:
        tx.accounts.add(Account("2" * 12, "x", NOON))
        with suppress(sqlite3.OperationalError):
            tx.accounts.add(Account("4" * 12, "x" * 100_000, NOON))


@pytest.mark.parametrize("work", [too_large, swallowed])
def test_a_transaction_that_the_disk_has_no_room_for_is_undone_and_the_next_one_works(
    nearly_full: SqliteStore, work: Callable[[SqliteStore], None]
) -> None:
    with pytest.raises(sqlite3.OperationalError, match="full"):
        work(nearly_full)
    nearly_full._session("writing").connection.execute("PRAGMA max_page_count=1000000")
    with nearly_full.transaction() as tx:
        tx.accounts.add(Account("3" * 12, "kept", NOON))
    with nearly_full.reading() as tx:
        assert [account.id for account in tx.accounts.all()] == ["3" * 12]


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
