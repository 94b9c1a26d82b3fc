"""Erases results, logs and old records after the days that the operator sets.

Of a result the record goes first, so that nobody fetches what is being erased; of a log its bytes do, which nobody can
half read. Whatever moment the server dies at, the next sweep goes on: what is erased twice is gone once.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from whiteroom.base.clock import Clock
from whiteroom.controllers.loop import ACTOR
from whiteroom.controllers.storing import release
from whiteroom.domain.execution.deliveries import DeliveredFile
from whiteroom.domain.execution.lifecycle import Lifecycle
from whiteroom.domain.execution.runs import INFERENCE_PREFIX, TRAINING_PREFIX, RunId
from whiteroom.domain.resources import (
    protected_queries,
    trained_model_export_jobs,
    trained_model_inference_jobs,
    trained_models,
)
from whiteroom.domain.resources.holdings import Holding, HoldingKind, holding_id
from whiteroom.domain.resources.results import Result, ResultKind, ResultStatus
from whiteroom.domain.resources.retention import Retention, files_of_its_own, is_over, may_be_removed, result_is_over
from whiteroom.ports.deliveries import KeptResults
from whiteroom.ports.repositories import LifecycleRepository
from whiteroom.ports.store import Store
from whiteroom.ports.transaction import Transaction

log = logging.getLogger(__name__)

EVERY_SECONDS = 3600.0


class _Moved(Exception):
    """Other files are to be erased than a moment ago, or none: a later sweep sees which."""


class RetentionSweep:
    """Erases what is over, at most once an hour."""

    def __init__(
        self,
        store: Store,
        kept: KeptResults,
        forget_logs: Callable[[RunId], None],
        retention: Retention,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Work with these.

        Args:
            store: where the records are.
            kept: has the results that are on this server: those of before, where they go to members' buckets by now.
            forget_logs: deletes the log of a run.
            retention: what the operator chose.
            clock: says what has expired.
            monotonic: measures the hour between sweeps.
        """
        self._store = store
        self._kept = kept
        self._forget_logs = forget_logs
        self._retention = retention
        self._clock = clock
        self._monotonic = monotonic
        self._last: float | None = None

    def sweep_now_and_then(self) -> None:
        """`sweep`, where an hour has passed since the last one."""
        now = self._monotonic()
        if self._last is None or now - self._last >= EVERY_SECONDS:
            self._last = now
            self.sweep()

    def sweep(self) -> None:
        """Erase all that is over. Safe to repeat, and from several processes."""
        now = self._clock()
        for result in self._results_over(now):
            _guarded(partial(self._erase_result, result, now), f"the result {result.id}")
        for holding in self._logs_over(now):
            _guarded(partial(self._erase_log, holding, now), f"the log {holding.id}")
        if self._retention.record_days is not None:
            self._remove_records(now)

    def _results_over(self, now: datetime) -> list[Result]:
        wanted = {ResultStatus.EXPIRING}
        wanted |= {ResultStatus.DELIVERED} if self._retention.result_days is not None else set()
        wanted |= {ResultStatus.UNDER_WAY} if self._retention.undelivered_result_days is not None else set()
        wanted |= {ResultStatus.REPLACED} if wanted != {ResultStatus.EXPIRING} else set()
        with self._store.reading() as tx:
            return [
                result
                for status in wanted
                for result in tx.results.all(status=status)
                if result_is_over(result, self._retention, now, job_at_rest=_at_rest(tx, result))
                and _lies_here(tx, result)
            ]

    def _erase_result(self, result: Result, now: datetime) -> None:
        with self._store.transaction() as tx:
            found = tx.results.get(result.id)
            if found is None or found.status is not result.status:
                return
            if found.status is not ResultStatus.EXPIRING:
                tx.results.update(found, status=ResultStatus.EXPIRING)
                _remark(
                    tx, result, now, f"The result {result.id} of {result.size_bytes:,} bytes is over, and is erased."
                )

        files = self._to_be_erased(result)

        def confirm() -> None:
            if self._to_be_erased(result) != files:
                raise _Moved

        try:
            if files and not self._kept.withdraw(result.location, result.path, files, confirm):
                return
        except _Moved:
            return
        with self._store.transaction() as tx:
            found = tx.results.get(result.id)
            if found is not None and found.status is ResultStatus.EXPIRING:
                tx.results.update(found, status=ResultStatus.EXPIRED)
                release(tx, HoldingKind.RESULT, result.id, now)

    def _to_be_erased(self, result: Result) -> Sequence[DeliveredFile]:
        """None where it is not being erased any more: another delivery has taken its place."""
        with self._store.reading() as tx:
            found = tx.results.get(result.id)
            others = [one for one in tx.results.all(place=result.place) if one.id != result.id and _lies_here(tx, one)]
        expiring = found is not None and found.status is ResultStatus.EXPIRING
        return files_of_its_own(result, others) if expiring else ()

    def _logs_over(self, now: datetime) -> list[Holding]:
        if self._retention.log_days is None:
            return []
        with self._store.reading() as tx:
            held = tx.holdings.all(is_held=True)
        logs = (holding for holding in held if holding.kind is HoldingKind.LOG)
        return [holding for holding in logs if is_over(holding.created_at, self._retention.log_days, now)]

    def _erase_log(self, holding: Holding, now: datetime) -> None:
        record_id = holding.id.removeprefix(holding_id(HoldingKind.LOG, ""))
        with self._store.reading() as tx:
            repository, record, prefix = _run_of(tx, record_id)
        if record is not None and not _over(record):
            return
        self._forget_logs(RunId(prefix + record_id))
        with self._store.transaction() as tx:
            release(tx, HoldingKind.LOG, record_id, now)
            repository, record, _ = _run_of(tx, record_id)
            if record is not None:
                reason = f"The {self._retention.log_days} days for which its log is kept are over: it is erased."
                repository.remark(record, actor=ACTOR, at=now, reason=reason)

    def _remove_records(self, now: datetime) -> None:
        for name in ("trained_model_inference_jobs", "trained_model_export_jobs", "protected_queries"):
            with self._store.reading() as tx:
                records = [one for one in getattr(tx, name).all() if self._removable(tx, one, now)]
            for record in records:
                _guarded(partial(self._remove, name, record, now), f"{name} {record.id}")

    def _remove(self, name: str, record: Any, now: datetime) -> None:
        with self._store.transaction() as tx:
            repository: Any = getattr(tx, name)
            found = repository.get(record.id)
            if found is None or not self._removable(tx, found, now):
                return
            for result in tx.results.all(job_id=found.id):
                tx.results.remove(result)
            tx.forget_events(found)
            reason = f"It was over for {self._retention.record_days} days: its record and its events are removed."
            repository.remark(found, actor=ACTOR, at=now, reason=reason)
            tx.metrics.forget(found.id)
            if getattr(found, "arn", None):
                tx.tags.put(found.arn, {})
            repository.remove(found)

    def _removable(self, tx: Transaction, record: Any, now: datetime) -> bool:
        results = tx.results.all(job_id=record.id)
        held = tx.holdings.get(holding_id(HoldingKind.LOG, record.id))
        return may_be_removed(record, results, self._retention, now) and not (held is not None and held.is_held)


def _run_of(tx: Transaction, record_id: str) -> tuple[LifecycleRepository[Any], Any, str]:
    """Where the record of a run is kept, the record, and how the run's id begins."""
    model = tx.trained_models.get(record_id)
    if model is not None:
        return tx.trained_models, model, TRAINING_PREFIX
    return tx.trained_model_inference_jobs, tx.trained_model_inference_jobs.get(record_id), INFERENCE_PREFIX


def _over(record: Any) -> bool:
    statuses = (trained_models.LIFECYCLE, trained_model_inference_jobs.LIFECYCLE)
    return any(record.status in lifecycle.table and lifecycle.at_rest(record.status) for lifecycle in statuses)


_JOBS: Mapping[ResultKind, tuple[str, Lifecycle[Any]]] = {
    ResultKind.PROTECTED_QUERY: ("protected_queries", protected_queries.LIFECYCLE),
    ResultKind.EXPORT_JOB: ("trained_model_export_jobs", trained_model_export_jobs.LIFECYCLE),
    ResultKind.INFERENCE_JOB: ("trained_model_inference_jobs", trained_model_inference_jobs.LIFECYCLE),
}


def _lies_here(tx: Transaction, result: Result) -> bool:
    """Whether a result went to a folder of this server, and not to a bucket: what is here is counted."""
    holding = tx.holdings.get(holding_id(HoldingKind.RESULT, result.id))
    return holding is not None and (holding.is_held or result.status in _NOT_COUNTED)


_NOT_COUNTED = frozenset({ResultStatus.REPLACED, ResultStatus.EXPIRING})
"""Statuses of results that count no more, and some of whose files may be there."""


def _at_rest(tx: Transaction, result: Result) -> bool:
    name, lifecycle = _JOBS[result.kind]
    record = getattr(tx, name).get(result.job_id)
    return record is None or lifecycle.at_rest(record.status)


def _remark(tx: Transaction, result: Result, now: datetime, reason: str) -> None:
    repository: Any = getattr(tx, _JOBS[result.kind][0])
    record = repository.get(result.job_id)
    if record is not None:
        repository.remark(record, actor=ACTOR, at=now, reason=reason)


def _guarded(erase: Callable[[], None], what: str) -> None:
    """What cannot be erased now is found by a later sweep."""
    try:
        erase()
    except Exception:
        log.exception("%s is over and could not be erased; it is tried again", what)
