"""Reads of all members' work: complete, in order, and from an index whatever there is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from support.fakes import NOON
from support.worlds.records import a_channel, a_model, a_query, a_query_of, an_export_job, an_inference_job
from whiteroom.domain.resources import ml_input_channels
from whiteroom.domain.resources.protected_queries import ProtectedQueryStatus
from whiteroom.ports.store import Work
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.jobs import Job, Standing, job_counts, jobs
from whiteroom.store.sqlite import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    return SqliteStore(tmp_path / "whiteroom.db")


def fill(tx: Transaction, number: int) -> None:
    """Of every kind one that waits, at the same moment, and two channels that are done or failed."""
    at = NOON + timedelta(minutes=number // 2)
    channel, model = a_channel(f"channel-{number}", at), a_model(f"model-{number}", at)
    tx.ml_input_channels.add(channel)
    tx.protected_queries.add(a_query_of(channel, at))
    tx.protected_queries.add(a_query(id=f"own-{number}", created_at=at))
    tx.trained_models.add(model)
    tx.trained_model_inference_jobs.add(an_inference_job(f"job-{number}", at, model, channel))
    tx.trained_model_export_jobs.add(an_export_job(f"export-{number}", at, model))
    done, failed = ml_input_channels.Status.ACTIVE, ml_input_channels.Status.CREATE_FAILED
    tx.ml_input_channels.add(a_channel(f"done-{number}", at, status=done))
    tx.ml_input_channels.add(a_channel(f"failed-{number}", at, status=failed))


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_every_work_is_on_one_page_and_in_order(store: SqliteStore, limit: int) -> None:
    with store.transaction() as tx:
        for number in range(6):
            fill(tx, number)
    with store.reading() as tx:
        for standing, names in (
            (Standing.UNDER_WAY, ("channel", "own", "model", "job", "export")),
            (Standing.FAILED, ("failed",)),
        ):
            seen: list[Job] = []
            after = None
            while True:
                page = jobs(tx, standing, limit, after)
                assert len(page.items) <= limit
                seen += page.items
                if (after := page.next) is None:
                    break
            assert sorted(one.id for one in seen) == sorted(f"{name}-{n}" for name in names for n in range(6))
            assert seen == sorted(seen, key=lambda one: (one.created_at, one.id), reverse=True)
    store.close()


def test_what_is_under_way_is_counted_by_kind_and_status_and_no_further_than_was_said(store: SqliteStore) -> None:
    with store.transaction() as tx:
        for number in range(6):
            fill(tx, number)
        started = ProtectedQueryStatus.STARTED
        tx.protected_queries.add(a_query(id="started", status=started))
    with store.reading() as tx:
        found = {(one.kind, one.status): (one.number, one.is_cut) for one in job_counts(tx, 5)}
    store.close()
    assert found[Work.TRAINED_MODELS, "CREATE_PENDING"] == (5, True)
    assert found[Work.PROTECTED_QUERIES, "STARTED"] == (1, False)
    assert not {status for _, status in found} & {"ACTIVE", "CREATE_FAILED"}


def test_every_list_of_the_operators_is_read_from_an_index(store: SqliteStore) -> None:
    """So that a page costs the same with a million rows as with ten."""
    with store.transaction() as tx:
        fill(tx, 0)
    with store.reading() as tx:
        for after in (None, jobs(tx, Standing.UNDER_WAY, 1, None).next):
            jobs(tx, Standing.UNDER_WAY, 10, after)
            jobs(tx, Standing.FAILED, 10, after)
            for name in ("accounts", "collaborations", "console_sessions", "sign_ins"):
                getattr(tx, name).page(10, after)
        tx.newest_events(10)
        tx.newest_events(10, 5)
    read = [(key, one) for key, one in store._cache.items() if "page" in key or "newest" in key]
    assert len(read) >= 20
    with closing(sqlite3.connect(store.path)) as connection:
        for key, prepared in read:
            rows = connection.execute(f"EXPLAIN QUERY PLAN {prepared.sql}", [0] * len(prepared.names)).fetchall()
            steps = " ".join(row[3] for row in rows)
            assert "TEMP B-TREE" not in steps, (key, steps)
            # Events are read by the key of their rows, from its end.
            assert "USING INDEX" in steps or "events" in key, (key, steps)
    store.close()
