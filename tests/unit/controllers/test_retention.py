"""What is over is erased when its days are, once, whatever the server dies of; and nothing else."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support.failpoints import Crash
from support.worlds.driven import World
from whiteroom.controllers.retention import EVERY_SECONDS, RetentionSweep
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.execution.runs import EndReason, RunEnd, RunId
from whiteroom.domain.execution.spending import Spent
from whiteroom.domain.observability.metrics import Usage
from whiteroom.domain.resources.holdings import Holding, HoldingKind, holding_id
from whiteroom.domain.resources.results import Result, ResultStatus
from whiteroom.domain.resources.retention import Retention
from whiteroom.ports.store import Work
from whiteroom.ports.transaction import Transaction

ALL = Retention(result_days=7, undelivered_result_days=3, log_days=5, record_days=30)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.close()


def sweeper(world: World, retention: Retention = ALL, **changes: Any) -> RetentionSweep:
    kept = changes.pop("kept", world.data)
    return RetentionSweep(world.store, kept, world.runtime.forget_logs, retention, world.clock, **changes)


def after(world: World, days: float, retention: Retention = ALL) -> None:
    world.clock.now += timedelta(days=days)
    sweeper(world, retention).sweep()


def results(world: World) -> list[Result]:
    with world.store.reading() as tx:
        return [one for status in ResultStatus for one in tx.results.all(status=status)]


def held(world: World, kind: HoldingKind) -> int:
    with world.store.reading() as tx:
        return sum(holding.kind is kind for holding in tx.holdings.all(is_held=True))


def holding_of(tx: Transaction, result: Result) -> Holding:
    """What it keeps on this server."""
    found = tx.holdings.get(holding_id(HoldingKind.RESULT, result.id))
    assert found is not None
    return found


def reasons(world: World, arn: str) -> list[str]:
    with world.store.reading() as tx:
        return [event.reason for event in tx.events(arn)]


def delivered_job(world: World) -> Any:
    job = world.inference_job()
    world.drive()
    assert world.data.delivered
    return job


def test_a_result_is_erased_when_its_days_are_over_and_its_job_says_so(world: World) -> None:
    job = delivered_job(world)
    after(world, 6.9)
    assert [one.status for one in results(world)] == [ResultStatus.DELIVERED]
    assert world.data.delivered
    after(world, 0.2)
    assert [one.status for one in results(world)] == [ResultStatus.EXPIRED]
    assert not world.data.delivered
    assert not held(world, HoldingKind.RESULT)
    assert any("are over: it is erased" in reason for reason in reasons(world, job.arn))


def test_without_settings_everything_stays_for_ever(world: World) -> None:
    delivered_job(world)
    after(world, 10_000, Retention())
    assert [one.status for one in results(world)] == [ResultStatus.DELIVERED]
    assert world.data.delivered
    assert held(world, HoldingKind.LOG)


class Dying:
    """Results on the disk, at whose erasing the server dies before or after."""

    def __init__(self, world: World, *, late: bool) -> None:
        self._data, self._late = world.data, late

    def withdraw(self, *arguments: Any) -> bool:
        if self._late:
            self._data.withdraw(*arguments)
        raise Crash


@pytest.mark.parametrize("late", [True, False])
def test_a_crash_while_a_result_is_erased_is_gone_on_from(world: World, late: bool) -> None:
    delivered_job(world)
    world.clock.now += timedelta(days=8)
    with pytest.raises(Crash):
        sweeper(world, kept=Dying(world, late=late)).sweep()
    (result,) = results(world)
    assert result.status is ResultStatus.EXPIRING, "nobody fetches what is being erased"
    after(world, 0)
    assert [one.status for one in results(world)] == [ResultStatus.EXPIRED]
    assert not world.data.delivered


def test_what_cannot_be_erased_now_is_erased_later_and_keeps_nothing_else_waiting(world: World) -> None:
    class Broken:
        def withdraw(self, *_: Any) -> bool:
            raise OSError(errno.EIO, "broken")

    delivered_job(world)
    world.clock.now += timedelta(days=8)
    sweeper(world, kept=Broken()).sweep()
    assert world.data.delivered
    assert not held(world, HoldingKind.LOG)
    after(world, 0)
    assert not world.data.delivered


def test_what_another_job_puts_in_the_folder_meanwhile_stays(world: World) -> None:
    delivered_job(world)
    world.clock.now += timedelta(days=8)
    (result,) = results(world)
    with world.store.transaction() as tx:
        tx.results.update(result, status=ResultStatus.EXPIRING)
        tx.results.add(
            Result(**{**{name: getattr(result, name) for name in Result.__slots__}, "id": "x", "job_id": "y",
                      "delivered_at": world.clock()})
        )  # fmt: skip
        tx.holdings.add(dataclasses.replace(holding_of(tx, result), id=holding_id(HoldingKind.RESULT, "x")))
    after(world, 0)
    assert {one.id: one.status for one in results(world)} == {
        result.id: ResultStatus.EXPIRED,
        "x": ResultStatus.DELIVERED,
    }
    assert world.data.delivered


def test_of_a_result_that_was_replaced_goes_what_the_later_one_did_not_overwrite(world: World) -> None:
    world.inference_job()
    world.runtime.leaves = {"output/a.csv.out": b"old", "output/b.csv.out": b"old"}
    world.drive()
    (first,) = results(world)
    both = world.data.delivered
    assert len(both) == 2
    world.clock.now += timedelta(days=4)
    with world.store.transaction() as tx:
        fields = {name: getattr(first, name) for name in Result.__slots__}
        kept = tuple(one for one in first.files if one["name"] == "a.csv.out")
        later = {"id": "x", "job_id": "y", "delivered_at": world.clock(), "files": kept}
        tx.results.add(Result(**{**fields, **later}))
        tx.holdings.add(dataclasses.replace(holding_of(tx, first), id=holding_id(HoldingKind.RESULT, "x")))
        tx.results.update(first, status=ResultStatus.REPLACED)
    after(world, 2.9)
    assert world.data.delivered == both
    after(world, 0.2)
    assert {key.rpartition("/")[2] for key in world.data.delivered} == {"a.csv.out"}
    assert {one.id: one.status for one in results(world)} == {
        first.id: ResultStatus.EXPIRED,
        "x": ResultStatus.DELIVERED,
    }
    after(world, 4)
    assert not world.data.delivered


def test_results_in_members_own_buckets_are_theirs_and_those_of_before_are_erased(world: World) -> None:
    delivered_job(world)
    world.kept_here = False
    world.inference_job()
    world.drive()
    here, there = (one.id for one in sorted(results(world), key=lambda one: one.created_at))
    both = set(world.data.delivered)
    after(world, 8)
    found = {one.id: one.status for one in results(world)}
    assert found == {here: ResultStatus.EXPIRED, there: ResultStatus.DELIVERED}
    assert world.data.delivered
    assert set(world.data.delivered) < both


def test_a_result_that_reached_a_bucket_after_a_folder_had_taken_some_of_it_is_its_receivers(world: World) -> None:
    delivered_job(world)
    (result,) = results(world)
    with world.store.transaction() as tx:
        tx.holdings.update(holding_of(tx, result), is_held=False)
    after(world, 8)
    assert [one.status for one in results(world)] == [ResultStatus.DELIVERED]


def test_a_log_is_erased_days_after_its_run_and_the_model_stays(world: World) -> None:
    model = world.ready_model()
    after(world, 4.9)
    assert held(world, HoldingKind.LOG) == 1
    after(world, 0.2)
    assert not held(world, HoldingKind.LOG)
    assert world.runtime.forgotten_logs == [f"training-{model.id}"]
    assert world.get(Work.TRAINED_MODELS, model.id).status == "ACTIVE"
    assert "The 5 days for which its log is kept are over" in reasons(world, model.arn)[-1]
    after(world, 1)
    assert len(world.runtime.forgotten_logs) == 1


@pytest.mark.parametrize("late", [True, False])
def test_a_crash_while_a_log_is_erased_is_gone_on_from(world: World, late: bool) -> None:
    model = world.ready_model()
    world.clock.now += timedelta(days=6)

    def dying(run_id: RunId) -> None:
        if late:
            world.runtime.forget_logs(run_id)
        raise Crash

    with pytest.raises(Crash):
        RetentionSweep(world.store, world.data, dying, ALL, world.clock).sweep()
    assert held(world, HoldingKind.LOG) == 1
    after(world, 0)
    assert not held(world, HoldingKind.LOG)
    assert sum("its log is kept are over" in reason for reason in reasons(world, model.arn)) == 1


def test_a_failed_query_is_removed_with_its_events_and_one_tells_of_it(world: World) -> None:
    world.engine.failure = QueryFailure.RESOURCES
    query = world.query()
    world.drive()
    assert len(reasons(world, query.arn)) > 1
    after(world, 29.9)
    assert world.get(Work.PROTECTED_QUERIES, query.id) is not None
    after(world, 0.2)
    assert world.get(Work.PROTECTED_QUERIES, query.id) is None
    (reason,) = reasons(world, query.arn)
    assert "its record and its events are removed" in reason
    after(world, 1)
    assert len(reasons(world, query.arn)) == 1


def test_a_job_is_removed_once_its_log_is_and_what_it_used_stays_on_the_bill(world: World) -> None:
    at_ms = int(world.clock().timestamp() * 1000)
    model = world.ready_model()
    world.runtime.used = [Usage(at_ms, "algo-1", {"CPUUtilization": 1.0}, Spent(1.0, 1.0, 1.0))]
    world.runtime.end = RunEnd(EndReason.EXITED, exit_code=1)
    job = world.inference_job(model=model)
    world.drive()
    assert world.get(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id).status == "CREATE_FAILED"
    after(world, 31, Retention(record_days=30))
    assert world.get(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id) is not None, "its log is there"
    after(world, 0)
    after(world, 0)
    assert world.get(Work.TRAINED_MODEL_INFERENCE_JOBS, job.id) is None
    with world.store.reading() as tx:
        assert tx.usage.all(resource_id=job.id, kind="inference")
        assert not tx.metrics.series(job.id)
        assert tx.metrics.reading(f"inference-{job.id}") is None


@pytest.mark.parametrize("make", [World.ready_channel, World.ready_model])
def test_channels_and_models_stay_for_those_that_rest_on_them(world: World, make: Callable[[World], Any]) -> None:
    record = make(world)
    work = Work.ML_INPUT_CHANNELS if make is World.ready_channel else Work.TRAINED_MODELS
    world.ask(work, record.id, Event.DELETE)
    world.drive()
    after(world, 10_000)
    assert world.get(work, record.id).status == "INACTIVE"


def test_it_is_done_once_an_hour(world: World) -> None:
    seconds = [0.0]
    hourly = sweeper(world, monotonic=lambda: seconds[0])
    delivered_job(world)
    hourly.sweep_now_and_then()
    world.clock.now += timedelta(days=8)
    seconds[0] = EVERY_SECONDS - 1
    hourly.sweep_now_and_then()
    assert world.data.delivered
    seconds[0] = EVERY_SECONDS
    hourly.sweep_now_and_then()
    assert not world.data.delivered
