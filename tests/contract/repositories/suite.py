"""What every implementation of ports.Repository and its kin keeps to. Subclass, and give the fixture.

`store` is a store whose transactions have what is tested.
"""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from whiteroom.base.callers import Role
from whiteroom.domain.execution.lifecycle import Event, IllegalTransition
from whiteroom.domain.observability.metrics import (
    Growth,
    MetricKind,
    MetricPoint,
    MetricReading,
    MetricSeries,
    begin_reading,
    grow,
)
from whiteroom.domain.resources.accounts import Account, User
from whiteroom.domain.resources.trained_models import BASE_VERSION, Status, TrainedModel, TrainedModelSummary
from whiteroom.ports.repositories import Duplicate, LifecycleRepository, Metrics, PageKey, Repository, Stale, Tags
from whiteroom.ports.store import Store

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
OWNER = "111111111111"
READING = begin_reading("training-1", "model-1", [{"name": "loss", "regex": "(.)"}], 2)
LOSS = MetricSeries("model-1", MetricKind.CUSTOM, "loss", "algo-1")


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


def submit(store: Store, *models: TrainedModel) -> None:
    with store.transaction() as tx:
        for model in models:
            tx.trained_models.submit(model, actor="111111111111")


def accounts(store: Store, *numbers: int) -> list[Account]:
    made = [Account(f"{number:012}", f"account {number}", NOON + number * MINUTE) for number in numbers]
    with store.transaction() as tx:
        for account in made:
            assert tx.accounts.add(account) == account
    return made


class RepositoryContract:
    ports: tuple[type, ...] = (Repository,)

    def test_a_record_comes_back_as_it_was_written(self, store: Store) -> None:
        model = a_model(run_started_at=NOON, model_bytes=2**53 + 1)
        submit(store, model)
        with store.reading() as tx:
            assert tx.trained_models.get(model.id) == model

    def test_pages_follow_each_other_newest_first_without_gap_or_repeat(self, store: Store) -> None:
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

    def test_a_page_that_ends_with_the_list_has_no_next(self, store: Store) -> None:
        submit(store, a_model(1), a_model(2))
        with store.reading() as tx:
            assert tx.trained_models.page(2, None, membership_id="m", is_latest=True).next is None

    def test_a_page_of_summaries_holds_the_same_records_in_the_same_order(self, store: Store) -> None:
        submit(store, *(a_model(number) for number in range(5)))
        with store.reading() as tx:
            whole = tx.trained_models.page(3, None, membership_id="m", is_latest=True)
            short = tx.trained_models.page_as(TrainedModelSummary, 3, None, membership_id="m", is_latest=True)
        fields = [field.name for field in dataclasses.fields(TrainedModelSummary)]
        assert short.next == whole.next
        for summary, model in zip(short.items, whole.items, strict=True):
            assert [getattr(summary, name) for name in fields] == [getattr(model, name) for name in fields]

    def test_records_of_one_instant_are_told_apart_by_their_id(self, store: Store) -> None:
        submit(store, *(a_model(number, created_at=NOON) for number in range(5)))
        with store.reading() as tx:
            first = tx.trained_models.page(3, None, membership_id="m", is_latest=True)
            rest = tx.trained_models.page(3, first.next, membership_id="m", is_latest=True)
        assert [model.id for model in (*first.items, *rest.items)] == [f"model-{n:06}" for n in (4, 3, 2, 1, 0)]

    def test_a_search_that_no_index_serves_is_refused(self, store: Store) -> None:
        with store.reading() as tx, pytest.raises(ValueError, match="no index"):
            tx.trained_models.all(description="x")

    def test_counting_stops_where_it_is_told(self, store: Store) -> None:
        submit(store, *(a_model(number) for number in range(5)))
        with store.reading() as tx:
            assert tx.trained_models.count(3, membership_id="m", is_latest=True) == 3
            assert tx.trained_models.count(9, membership_id="m", is_latest=True) == tx.trained_models.count(9) == 5
            assert tx.protected_queries.count(1) == 0

    def test_an_absent_record_is_none(self, store: Store) -> None:
        with store.reading() as tx:
            assert tx.trained_models.get("nothing") is None
            assert tx.trained_models.find(arn="nothing") is None

    def test_of_several_the_newest_is_found_and_all_come_oldest_first(self, store: Store) -> None:
        made = accounts(store, 2, 1, 3)
        with store.reading() as tx:
            assert tx.accounts.find() == made[2]
            assert tx.accounts.all() == (made[1], made[0], made[2])

    def test_a_change_is_written_and_answered(self, store: Store) -> None:
        (account,) = accounts(store, 1)
        with store.transaction() as tx:
            changed = tx.accounts.update(account, name="another")
        with store.reading() as tx:
            assert tx.accounts.all() == (changed,) == (dataclasses.replace(account, name="another"),)

    def test_what_is_removed_is_gone_and_cannot_be_changed_and_removing_it_again_is_harmless(
        self, store: Store
    ) -> None:
        (account,) = accounts(store, 1)
        with store.transaction() as tx:
            tx.accounts.remove(account)
            tx.accounts.remove(account)
            assert tx.accounts.all() == ()
            with pytest.raises(Stale):
                tx.accounts.update(account, name="another")

    def test_a_second_record_with_what_is_unique_is_refused_whether_added_or_changed(self, store: Store) -> None:
        users = [User(f"u-{name}", OWNER, name, Role.ADMINISTRATOR, NOON) for name in ("ann", "bob")]
        with store.transaction() as tx:
            for user in users:
                tx.users.add(user)
        with pytest.raises(Duplicate), store.transaction() as tx:
            tx.users.add(dataclasses.replace(users[0], id="u-other"))
        with pytest.raises(Duplicate), store.transaction() as tx:
            tx.users.update(users[1], name="ann")
        with store.reading() as tx:
            assert tx.users.all(account_id=OWNER) == tuple(users)


class LifecycleRepositoryContract:
    ports: tuple[type, ...] = (LifecycleRepository,)

    def test_a_name_is_free_again_when_its_owner_has_failed(self, store: Store) -> None:
        submit(store, a_model(1, name="same"))
        with pytest.raises(Duplicate):
            submit(store, a_model(2, name="same"))
        with store.transaction() as tx:
            model = tx.trained_models.get("model-000001")
            assert model is not None
            tx.trained_models.transition(model, Event.FAILED, actor="controller", at=NOON)
        submit(store, a_model(2, name="same"))

    def test_a_transition_is_written_with_its_event(self, store: Store) -> None:
        model = a_model()
        submit(store, model)
        with store.transaction() as tx:
            moved = tx.trained_models.transition(
                model,
                Event.STARTED,
                actor="controller",
                at=NOON + MINUTE,
                reason="run started",
                image_digest="sha256:1",
            )
        with store.reading() as tx:
            assert tx.trained_models.get(model.id) == moved
            trail = tx.events(model.arn)
        assert (moved.status, moved.revision, moved.updated_at) == (Status.CREATE_IN_PROGRESS, 1, NOON + MINUTE)
        assert [(row.event, row.from_status, row.to_status, row.revision) for row in trail] == [
            (Event.CREATED, None, "CREATE_PENDING", 0),
            (Event.STARTED, "CREATE_PENDING", "CREATE_IN_PROGRESS", 1),
        ]

    def test_a_write_from_an_old_revision_changes_nothing(self, store: Store) -> None:
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

    def test_an_illegal_transition_is_refused_before_anything_is_written(self, store: Store) -> None:
        model = a_model()
        submit(store, model)
        with pytest.raises(IllegalTransition), store.transaction() as tx:
            tx.trained_models.transition(model, Event.SUCCEEDED, actor="controller", at=NOON)
        with store.reading() as tx:
            assert tx.trained_models.get(model.id) == model

    def test_a_note_is_guarded_by_the_revision_and_leaves_the_status(self, store: Store) -> None:
        model = a_model()
        submit(store, model)
        with store.transaction() as tx:
            silent = tx.trained_models.note(model, actor="controller", at=NOON, retries=1)
            noted = tx.trained_models.note(silent, actor="controller", at=NOON, reason="tried again", retries=2)
        with pytest.raises(Stale), store.transaction() as tx:
            tx.trained_models.note(silent, actor="controller", at=NOON, retries=7)
        with store.reading() as tx:
            assert tx.trained_models.get(model.id) == noted
            trail = tx.events(model.arn)
        assert (noted.status, noted.retries, noted.revision) == (model.status, 2, 2)
        assert [(row.event, row.reason) for row in trail] == [(Event.CREATED, ""), (Event.NOTED, "tried again")]

    def test_a_remark_is_an_event_and_changes_nothing(self, store: Store) -> None:
        model = a_model()
        submit(store, model)
        with store.transaction() as tx:
            tx.trained_models.remark(model, actor=OWNER, at=NOON, reason="looked at")
        with store.reading() as tx:
            assert tx.trained_models.get(model.id) == model
            assert [row.reason for row in tx.events(model.arn)] == ["", "looked at"]

    def test_what_has_work_is_what_is_not_at_rest(self, store: Store) -> None:
        models = [a_model(number) for number in (2, 1)]
        submit(store, *models)
        with store.transaction() as tx:
            assert tx.trained_models.working() == (models[1], models[0])
            tx.trained_models.transition(models[0], Event.FAILED, actor="controller", at=NOON)
            assert tx.trained_models.working() == (models[1],)

    def test_a_records_events_are_forgotten_and_no_other_versions(self, store: Store) -> None:
        first, second = a_model(1), dataclasses.replace(a_model(2), arn=a_model(1).arn, version_identifier="v2")
        submit(store, first, second)
        with store.transaction() as tx:
            tx.forget_events(first)
        with store.reading() as tx:
            assert [event.record_id for event in tx.events(first.arn)] == [second.id]


class TagsContract:
    ports: tuple[type, ...] = (Tags,)

    def test_tags_are_replaced_whole_and_an_empty_mapping_removes_them(self, store: Store) -> None:
        with store.transaction() as tx:
            assert tx.tags.get("arn:x") == {}
            tx.tags.put("arn:x", {"a": "1"})
            tx.tags.put("arn:x", {"b": "2"})
            tx.tags.put("arn:y", {"a": "3"})
            assert tx.tags.get("arn:x") == {"b": "2"}
            tx.tags.put("arn:x", {})
        with store.reading() as tx:
            assert (tx.tags.get("arn:x"), tx.tags.get("arn:y")) == ({}, {"a": "3"})


def write(store: Store, *growths: Growth, reading: MetricReading = READING) -> MetricReading:
    with store.transaction() as tx:
        tx.metrics.advance(reading, growths)
    with store.reading() as tx:
        now = tx.metrics.reading(reading.id)
    assert now is not None
    return now


def values(*numbers: float) -> list[tuple[int, float]]:
    return [(1_000 * at, number) for at, number in enumerate(numbers)]


def points(store: Store, series: MetricSeries, limit: int = 100, **place: object) -> list[float]:
    with store.reading() as tx:
        return [point.value for point in tx.metrics.points(series, limit, **place)]  # type: ignore[arg-type]


class MetricsContract:
    ports: tuple[type, ...] = (Metrics,)

    def test_how_far_a_run_was_read_is_kept_with_what_was_found(self, store: Store) -> None:
        with store.reading() as tx:
            assert tx.metrics.reading("training-1") is None
            assert tx.metrics.series("model-1") == ()
        growth = grow(LOSS, values(3.5, -1e308, 2.0), 10)
        now = write(store, growth)
        assert (now.definitions, now.revision) == (READING.definitions, 1)
        with store.reading() as tx:
            assert tx.metrics.series("model-1") == (growth.series,)
            assert tx.metrics.points(LOSS, 10) == growth.points

    def test_what_is_forgotten_is_gone_and_nothing_of_anothers(self, store: Store) -> None:
        write(store, grow(LOSS, values(1.0), 10))
        other = dataclasses.replace(READING, id="training-2", resource_id="model-2")
        write(store, grow(dataclasses.replace(LOSS, resource_id="model-2"), values(2.0), 10), reading=other)
        with store.transaction() as tx:
            tx.metrics.forget("model-1")
        with store.reading() as tx:
            assert tx.metrics.series("model-1") == ()
            assert tx.metrics.reading("training-1") is None
            assert tx.metrics.points(LOSS, 10) == ()
            assert tx.metrics.reading("training-2") is not None
            assert len(tx.metrics.series("model-2")) == 1

    def test_whoever_read_what_another_has_read_meanwhile_writes_nothing(self, store: Store) -> None:
        growth = grow(LOSS, values(1.0), 10)
        now = write(store, growth)
        for late in (READING, now.__class__(**{**{n: getattr(now, n) for n in now.__slots__}, "revision": 7})):
            with pytest.raises(Stale), store.transaction() as tx:
                tx.metrics.advance(late, [grow(growth.series, values(9.0), 10)])
        assert points(store, LOSS) == [1.0]
        assert write(store, grow(growth.series, values(2.0), 10), reading=now).revision == 2
        assert points(store, LOSS) == [1.0, 2.0]

    def test_series_are_a_resources_own_and_come_by_kind_name_and_host(self, store: Store) -> None:
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

    def test_points_are_read_in_order_of_time_within_bounds_and_by_pages(self, store: Store) -> None:
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

    def test_a_series_that_is_thinned_loses_every_point_between(self, store: Store) -> None:
        first = grow(LOSS, values(*map(float, range(4))), 4)
        now = write(store, first)
        write(store, grow(first.series, [(9_000, 4.0), (10_000, 5.0)], 4), reading=now)
        with store.reading() as tx:
            (series,) = tx.metrics.series("model-1")
            kept = tx.metrics.points(LOSS, 10)
        assert (series.stride, series.count, series.maximum, series.last_value) == (2, 6, 5.0, 5.0)
        assert kept == (MetricPoint(0, 0, 0.0), MetricPoint(2_000, 2, 2.0), MetricPoint(9_000, 4, 4.0))
