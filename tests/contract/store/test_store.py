"""What every store owes (ports.Store): here SQLite."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from whiteroom.domain.execution.lifecycle import Event, IllegalTransition
from whiteroom.domain.resources.accounts import Account
from whiteroom.domain.resources.trained_models import BASE_VERSION, Status, TrainedModel, TrainedModelSummary
from whiteroom.ports import Claim, Duplicate, PageKey, Stale, Work
from whiteroom.store.sqlite import SqliteStore

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "whiteroom.db")
    yield store
    store.close()


def a_model(number: int = 1, **changes: object) -> TrainedModel:
    model = TrainedModel(
        id=f"model-{number:06}",
        arn=f"arn:aws:cleanrooms-ml:us-east-1:111111111111:membership/m/trained-model/{number}",
        version_identifier=BASE_VERSION,
        is_latest=True,
        membership_id="m",
        collaboration_id="c",
        account_id="111111111111",
        name=f"model {number}",
        description=None,
        association_arn="arn:association",
        resource_config={"instanceType": "ml.m5.xlarge", "volumeSizeInGB": 1},
        stopping_condition=None,
        hyperparameters={"depth": "3", "日本": "ü"},
        environment={},
        data_channels=({"channelName": "train"},),
        incremental_channels=(),
        training_input_mode="File",
        payer_account_id=None,
        kms_key_arn=None,
        image_digest=None,
        logs_status=None,
        logs_status_details=None,
        metrics_status=None,
        metrics_status_details=None,
        model_bytes=None,
        output_bytes=None,
        partial_bytes=None,
        partial_pending=False,
        retries=0,
        retry=None,
        seconds_spent=0,
        run_started_at=None,
        run_ended_at=None,
        status=Status.CREATE_PENDING,
        status_code=None,
        status_message=None,
        revision=0,
        created_at=NOON + timedelta(microseconds=number),
        updated_at=NOON + timedelta(microseconds=number),
    )
    return dataclasses.replace(model, **changes)  # type: ignore[arg-type]


def submit(store: SqliteStore, *models: TrainedModel) -> None:
    with store.transaction() as tx:
        for model in models:
            tx.trained_models.submit(model, actor="111111111111")


def test_a_record_comes_back_as_it_was_written(store: SqliteStore) -> None:
    model = a_model(run_started_at=NOON, model_bytes=2**53 + 1)
    submit(store, model)
    with store.reading() as tx:
        assert tx.trained_models.get(model.id) == model


def test_an_absent_record_is_none(store: SqliteStore) -> None:
    with store.reading() as tx:
        assert tx.trained_models.get("nothing") is None
        assert tx.trained_models.find(arn="nothing") is None
        assert tx.tags.get("nothing") == {}


def test_what_raises_leaves_nothing_behind(store: SqliteStore) -> None:
    def write_and_fail() -> None:
        with store.transaction() as tx:
            tx.accounts.add(Account("111111111111", "one", NOON))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with store.reading() as tx:
        assert tx.accounts.get("111111111111") is None


def test_pages_follow_each_other_newest_first_without_gap_or_repeat(store: SqliteStore) -> None:
    submit(store, *(a_model(number) for number in range(25)))
    seen: list[str] = []
    after: PageKey | None = None
    with store.reading() as tx:
        while True:
            page = tx.trained_models.page(10, after, membership_id="m", is_latest=True)
            seen += [model.id for model in page.items]
            after = page.next
            if after is None:
                break
    assert seen == [f"model-{number:06}" for number in reversed(range(25))]


def test_a_page_that_ends_with_the_list_has_no_next(store: SqliteStore) -> None:
    submit(store, a_model(1), a_model(2))
    with store.reading() as tx:
        assert tx.trained_models.page(2, None, membership_id="m", is_latest=True).next is None


def test_a_page_of_summaries_holds_the_same_records_in_the_same_order(store: SqliteStore) -> None:
    submit(store, *(a_model(number) for number in range(5)))
    with store.reading() as tx:
        whole = tx.trained_models.page(3, None, membership_id="m", is_latest=True)
        short = tx.trained_models.page_as(TrainedModelSummary, 3, None, membership_id="m", is_latest=True)
    fields = [field.name for field in dataclasses.fields(TrainedModelSummary)]
    assert short.next == whole.next
    for summary, model in zip(short.items, whole.items, strict=True):
        assert [getattr(summary, name) for name in fields] == [getattr(model, name) for name in fields]


def test_records_of_one_instant_are_told_apart_by_their_id(store: SqliteStore) -> None:
    submit(store, *(a_model(number, created_at=NOON) for number in range(5)))
    with store.reading() as tx:
        first = tx.trained_models.page(3, None, membership_id="m", is_latest=True)
        rest = tx.trained_models.page(3, first.next, membership_id="m", is_latest=True)
    assert [model.id for model in (*first.items, *rest.items)] == [f"model-{n:06}" for n in (4, 3, 2, 1, 0)]


def test_a_search_that_no_index_serves_is_refused(store: SqliteStore) -> None:
    with store.reading() as tx, pytest.raises(ValueError, match="no index"):
        tx.trained_models.all(description="x")


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


def test_a_name_is_free_again_when_its_owner_has_failed(store: SqliteStore) -> None:
    submit(store, a_model(1, name="same"))
    with pytest.raises(Duplicate):
        submit(store, a_model(2, name="same"))
    with store.transaction() as tx:
        model = tx.trained_models.get("model-000001")
        assert model is not None
        tx.trained_models.transition(model, Event.FAILED, actor="controller", at=NOON)
    submit(store, a_model(2, name="same"))


def test_counting_stops_where_it_is_told(store: SqliteStore) -> None:
    submit(store, *(a_model(number) for number in range(5)))
    with store.reading() as tx:
        assert tx.trained_models.count(3, membership_id="m", is_latest=True) == 3
        assert tx.trained_models.count(9, membership_id="m", is_latest=True) == 5


def test_a_transition_is_written_with_its_event(store: SqliteStore) -> None:
    model = a_model()
    submit(store, model)
    with store.transaction() as tx:
        moved = tx.trained_models.transition(
            model, Event.STARTED, actor="controller", at=NOON + MINUTE, reason="run started", image_digest="sha256:1"
        )
    with store.reading() as tx:
        assert tx.trained_models.get(model.id) == moved
        trail = tx.events(model.arn)
    assert (moved.status, moved.revision, moved.updated_at) == (Status.CREATE_IN_PROGRESS, 1, NOON + MINUTE)
    assert [(row.event, row.from_status, row.to_status, row.revision) for row in trail] == [
        (Event.CREATED, None, "CREATE_PENDING", 0),
        (Event.STARTED, "CREATE_PENDING", "CREATE_IN_PROGRESS", 1),
    ]


def test_a_write_from_an_old_revision_changes_nothing(store: SqliteStore) -> None:
    model = a_model()
    submit(store, model)
    with store.transaction() as tx:
        tx.trained_models.transition(model, Event.CANCEL, actor="111111111111", at=NOON)
    with pytest.raises(Stale), store.transaction() as tx:
        tx.trained_models.transition(model, Event.STARTED, actor="controller", at=NOON)
    with store.reading() as tx:
        current = tx.trained_models.get(model.id)
        assert current is not None
        assert current.status is Status.CANCEL_PENDING
        assert len(tx.events(model.arn)) == 2


def test_an_illegal_transition_is_refused_before_anything_is_written(store: SqliteStore) -> None:
    model = a_model()
    submit(store, model)
    with pytest.raises(IllegalTransition), store.transaction() as tx:
        tx.trained_models.transition(model, Event.SUCCEEDED, actor="controller", at=NOON)
    with store.reading() as tx:
        assert tx.trained_models.get(model.id) == model


def test_work_is_claimed_by_one_owner_at_a_time(store: SqliteStore) -> None:
    submit(store, a_model())
    claim = store.claim("one", NOON + MINUTE, 30)
    assert claim == Claim(Work.TRAINED_MODELS, "model-000001", "one", a_model().created_at)
    assert store.claim("two", NOON + MINUTE, 30) is None


def test_a_dead_owners_lease_expires(store: SqliteStore) -> None:
    submit(store, a_model())
    first = store.claim("one", NOON + MINUTE, 30)
    assert first is not None
    second = store.claim("two", NOON + 2 * MINUTE, 30)
    assert second is not None
    assert second.owner == "two"
    assert not store.extend(first, NOON + 2 * MINUTE, 30)


def test_an_extended_lease_holds(store: SqliteStore) -> None:
    submit(store, a_model())
    claim = store.claim("one", NOON + MINUTE, 30)
    assert claim is not None
    assert store.extend(claim, NOON + 2 * MINUTE, 30)
    assert store.claim("two", NOON + 2 * MINUTE, 30) is None


def test_released_work_is_due_when_its_owner_said(store: SqliteStore) -> None:
    submit(store, a_model())
    claim = store.claim("one", NOON + MINUTE, 30)
    assert claim is not None
    store.release(claim, NOON + 5 * MINUTE)
    assert store.claim("two", NOON + 4 * MINUTE, 30) is None
    assert store.next_due_at() == NOON + 5 * MINUTE
    assert store.claim("two", NOON + 5 * MINUTE, 30) is not None


def test_a_members_wish_during_a_lease_is_not_put_off_by_the_release(store: SqliteStore) -> None:
    model = a_model()
    submit(store, model)
    claim = store.claim("one", NOON + MINUTE, 30)
    assert claim is not None
    with store.transaction() as tx:
        tx.trained_models.transition(model, Event.CANCEL, actor="111111111111", at=NOON + MINUTE)
    assert store.claim("two", NOON + MINUTE, 30) is None, "the lease stands"
    store.release(claim, NOON + 60 * MINUTE)
    assert store.claim("two", NOON + MINUTE, 30) is not None


def test_a_record_at_rest_has_no_work(store: SqliteStore) -> None:
    model = a_model()
    submit(store, model)
    with store.transaction() as tx:
        tx.trained_models.transition(model, Event.FAILED, actor="controller", at=NOON)
    assert store.claim("one", NOON + 60 * MINUTE, 30) is None
    assert store.next_due_at() is None
    with store.reading() as tx:
        assert tx.trained_models.working() == ()


def test_listeners_hear_of_work_once_it_is_committed(store: SqliteStore) -> None:
    heard: list[str] = []
    store.on_work(lambda: heard.append("work"))
    with store.transaction() as tx:
        tx.accounts.add(Account("111111111111", "one", NOON))
    assert heard == []
    submit(store, a_model())
    assert heard == ["work"]


def test_tags_are_replaced_whole(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.tags.put("arn:x", {"a": "1"})
        tx.tags.put("arn:x", {"b": "2"})
    with store.reading() as tx:
        assert tx.tags.get("arn:x") == {"b": "2"}


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


def test_a_server_that_starts_alone_frees_every_lease(store: SqliteStore) -> None:
    submit(store, a_model())
    assert store.claim("killed", NOON + MINUTE, 3600)
    assert store.claim("next", NOON + MINUTE, 30) is None
    store.release_all_leases()
    claim = store.claim("next", NOON + MINUTE, 30)
    assert claim is not None
    assert claim.record_id == a_model().id


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


def test_work_that_is_due_later_can_be_made_due_now(store: SqliteStore) -> None:
    with store.transaction() as tx:
        model = tx.trained_models.submit(a_model(), actor="a")
        tx.trained_models.transition(model, Event.STARTED, actor="c", at=NOON, due_at=NOON + 1440 * MINUTE)
    assert store.claim("one", NOON, 30) is None
    store.make_all_due(NOON)
    claim = store.claim("one", NOON, 30)
    assert claim is not None
    assert claim.record_id == model.id
