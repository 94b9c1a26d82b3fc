"""The control loop: claim -> observe -> plan -> act -> record, one step a pass.

A crash anywhere leaves a state that the next pass continues from: an effect is safe to repeat, and
the record is refused if another controller was faster (ports.Stale). So recovery is the ordinary
path, and there is no other.

What a record no longer needs is freed after the record says so (`Controller.clean_up`). What is missed
there, by a crash or because a slow controller started something late, the sweep finds: whatever
is held for a record that is at rest, or that nobody knows.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from whiteroom.base.clock import Clock
from whiteroom.base.machine_errors import machine_error_of
from whiteroom.controllers.analysis_logs import log_end
from whiteroom.controllers.storing import NoRoom, settle
from whiteroom.controllers.timing import Timing
from whiteroom.domain.execution.failures import MEANING, StatusCode
from whiteroom.domain.execution.lifecycle import Event, Lifecycle
from whiteroom.domain.execution.steps import DONE, Effect, Failure, Outcome, Step
from whiteroom.domain.resources.quotas import Quotas
from whiteroom.ports.deliveries import DeliveryDelayed
from whiteroom.ports.keys import KeyRefused, KeyTakenAway, RingUnreachable, WrongKey
from whiteroom.ports.repositories import LifecycleRepository, Stale
from whiteroom.ports.store import Claim, Store, Work
from whiteroom.ports.transaction import Transaction

log = logging.getLogger(__name__)

ACTOR = "controller"
"""Who does it, in the audit trail."""

Failpoint = Callable[[str], None]
"""Called with `planned`, `acted` and `recorded` as a step passes each; crash tests stop the world there."""


def nothing(_point: str) -> None:
    """The failpoint of a server that is not being tested."""


class Record(Protocol):
    """What every record that goes through states has."""

    @property
    def id(self) -> str: ...
    @property
    def status(self) -> StrEnum: ...
    @property
    def updated_at(self) -> datetime: ...


R = TypeVar("R", bound=Record)
R_contra = TypeVar("R_contra", bound=Record, contravariant=True)
S = TypeVar("S")


class Controller(Protocol[R_contra, S]):
    """What the loop needs to know of one noun."""

    @property
    def work(self) -> Work:
        """The kind of record, which names its repository."""

    @property
    def lifecycle(self) -> Lifecycle[Any]:
        """Its state table."""

    def observe(self, record: R_contra) -> S:
        """What `plan` needs to see of the world. Changes nothing."""

    def plan(self, record: R_contra, seen: S, now: datetime) -> Step:
        """The next step. Pure."""

    def act(self, record: R_contra, effect: Effect) -> Outcome:
        """Do it; safe to repeat.

        Raises:
            Stale: the record has changed, so that the effect may no longer be wanted.
        """

    def on_transition(self, tx: Transaction, record: R_contra, now: datetime) -> None:
        """Bring other records in line with this one's new status, in the transaction that wrote it."""

    def clean_up(self, record: R_contra) -> None:
        """Free what a record at rest no longer needs; safe to repeat."""

    def owned_ids(self) -> Iterable[str]:
        """Ids of the records for which something is held that `clean_up` or `clean_up_orphan` frees."""

    def clean_up_orphan(self, record_id: str) -> None:
        """Free what is held for a record that does not exist; safe to repeat."""


class Reconciler:
    """Takes steps, one at a time per record, from as many threads as call it.

    How often a step failed is counted in memory: a restarted server tries anew, as an operator who
    has mended something expects of it.
    """

    def __init__(
        self,
        store: Store,
        controllers: Sequence[Controller[Any, Any]],
        clock: Clock,
        timing: Timing,
        quotas: Quotas,
        failpoint: Failpoint = nothing,
    ) -> None:
        """Drive the records of these controllers' kinds, which keep no more bytes than `quotas` allows."""
        self._store = store
        self._controllers = {controller.work: controller for controller in controllers}
        self._clock = clock
        self._timing = timing
        self._quotas = quotas
        self._failpoint = failpoint
        self._lock = threading.Lock()
        self._in_hand: dict[tuple[Work, str], Claim] = {}
        self._failures: dict[tuple[Work, str], int] = {}
        self._waits: dict[tuple[Work, str], int] = {}
        """As often a step failed of the machine alone."""

    def step(self, owner: str) -> bool:
        """Take one step on the work that has been due longest; False if none is due.

        Args:
            owner: who holds the lease meanwhile; each thread needs a name of its own.
        """
        claim = self._store.claim(owner, self._clock(), self._timing.lease_seconds)
        if claim is None:
            return False
        key = (claim.work, claim.record_id)
        with self._lock:
            taken = key not in self._in_hand
            if taken:
                self._in_hand[key] = claim
        if not taken:
            # A thread of this server is at it, and its lease ran out under it: the machine was asleep. Two at once
            # would be correct, but for a pack that reads what the other one frees.
            self._store.release(claim, self._clock() + timedelta(seconds=self._timing.lease_seconds))
            return True
        try:
            due_at = self._attempt(claim)
        finally:
            with self._lock:
                del self._in_hand[key]
        self._store.release(claim, due_at)
        return True

    def heartbeat(self) -> None:
        """Keep the leases of the steps that are being taken."""
        for claim in self._claims_in_hand():
            kept = self._store.extend(claim, self._clock(), self._timing.lease_seconds)
            # A step that ended meanwhile gave its lease back, and another may have it.
            if not kept and claim in self._claims_in_hand():
                log.warning("the lease on %s %s was lost", claim.work.value, claim.record_id)

    def _claims_in_hand(self) -> tuple[Claim, ...]:
        with self._lock:
            return tuple(self._in_hand.values())

    def sweep(self) -> None:
        """Free whatever is held for records that are at rest, or that do not exist.

        A run is wanted as long as its record is not at rest, whether or not its start has been
        recorded; and a record that came to rest never wants its run again.
        """
        for controller in self._controllers.values():
            # In this order: a record is committed before anything is held for it.
            held = tuple(controller.owned_ids())
            with self._store.reading() as tx:
                records = {record_id: _repository(tx, controller.work).get(record_id) for record_id in held}
            for record_id, record in records.items():
                if record is None:
                    log.warning("freeing what is held for %s %s, which is unknown", controller.work.value, record_id)
                    self._guarded(controller.clean_up_orphan, record_id, controller.work, record_id)
                elif (controller.work, record_id) not in self._in_hand:
                    self._clean_up_at_rest(controller, record)

    def _attempt(self, claim: Claim) -> datetime | None:
        """Take the step; when to look again, None where the store knows."""
        controller = self._controllers[claim.work]
        try:
            due_at = self._reconcile(controller, claim.record_id)
        except Stale:
            log.info("%s %s changed under a step; looking again", claim.work.value, claim.record_id)
            self._settle_stale(controller, claim.record_id)
            return self._clock()
        except Exception as error:  # noqa: BLE001 - whatever a step raises, its record is not left in a silent loop
            return self._failed(controller, claim, error)
        self._forget_failures((claim.work, claim.record_id))
        return due_at

    def _reconcile(self, controller: Controller[Any, Any], record_id: str) -> datetime | None:
        with self._store.reading() as tx:
            record = _repository(tx, controller.work).get(record_id)
        if record is None:
            return self._clock() + timedelta(seconds=self._timing.slowest_retry_seconds)
        now = self._clock()
        step = controller.plan(record, controller.observe(record), now)
        self._failpoint("planned")
        try:
            outcome = DONE if step.effect is None else controller.act(record, step.effect)
        except NoRoom as error:
            outcome = Outcome(failure=error.failure)
        self._failpoint("acted")
        record, written = self._record(controller, record, step, outcome)
        self._failpoint("recorded")
        self._clean_up_at_rest(controller, record)
        if written:
            return None if step.event or outcome.failure else self._clock()
        return step.due_at or now + self._timing.next_look(now - record.updated_at)

    def _record(self, controller: Controller[R, Any], record: R, step: Step, outcome: Outcome) -> tuple[R, bool]:
        """Write what the step brought about; the record as it is now, and whether anything was written."""
        try:
            return self._written(controller, record, step, outcome)
        except NoRoom as error:
            # What was found on the way is recorded; what there was no room for is not.
            return self._written(controller, record, Step(failure=error.failure, changes=step.changes), DONE)

    def _written(self, controller: Controller[R, Any], record: R, step: Step, outcome: Outcome) -> tuple[R, bool]:
        failure = outcome.failure or step.failure
        event = Event.FAILED if failure else step.event
        changes = {**step.changes, **outcome.changes}
        if event is None and not changes and not step.reason:
            return record, False
        now = self._clock()
        with self._store.transaction() as tx:
            repository = _repository(tx, controller.work)
            if event is None:
                return repository.note(record, actor=ACTOR, at=now, reason=step.reason, **changes), True
            if failure:
                failure = replace(failure, message=f"{failure.message} {outcome.remark}".rstrip())
                changes |= {"status_code": failure.code.value, "status_message": failure.message}
            written = repository.transition(
                record,
                event,
                actor=ACTOR,
                at=now,
                reason=_reason(failure) or step.reason or outcome.remark,
                due_at=now if outcome.unfinished else None if failure else step.due_at,
                **changes,
            )
            controller.on_transition(tx, written, now)
            settle(tx, written, now, self._quotas)
            log_end(tx, written, now)
        return written, True

    def _failed(self, controller: Controller[Any, Any], claim: Claim, error: Exception) -> datetime | None:
        """Count an unexpected failure, and give the resource up where it was one too many."""
        key = (claim.work, claim.record_id)
        trouble = _trouble_of(error)
        counts, limit = (
            (self._waits, self._timing.trouble_limit) if trouble else (self._failures, self._timing.retry_limit)
        )
        if isinstance(error, KeyTakenAway | WrongKey):
            limit = 1  # it is not given back by asking again
        failures = counts[key] = counts.get(key, 0) + 1
        if trouble:
            log.error("a step of %s %s waits (tried %d times): %s", *key, failures, trouble)
        else:
            log.error("a step of %s %s failed (%d in a row)", *key, failures, exc_info=error)
        if failures >= limit:
            try:
                if self._give_up(controller, claim.record_id, _failure_of(error)):
                    self._forget_failures(key)
                    return None
            except Exception:
                log.exception("%s %s could not be given up", claim.work.value, claim.record_id)
        return self._clock() + self._timing.next_try(failures)

    def _forget_failures(self, key: tuple[Work, str]) -> None:
        self._failures.pop(key, None)
        self._waits.pop(key, None)

    def _give_up(self, controller: Controller[Any, Any], record_id: str, failure: Failure) -> bool:
        """Fail the resource, or take it as far as its table allows without an effect."""
        with self._store.reading() as tx:
            record = _repository(tx, controller.work).get(record_id)
        if record is None:
            return False
        event = next((event for event in _WAYS_ON if controller.lifecycle.accepts(record.status, event)), None)
        if event is None:
            return False
        step = Step(event=event, failure=failure if event is Event.FAILED else None, changes=_WAYS_ON[event])
        record, _ = self._record(controller, record, step, DONE)
        self._clean_up_at_rest(controller, record)
        return True

    def _settle_stale(self, controller: Controller[Any, Any], record_id: str) -> None:
        """After a step that came too late: what it did may be in nobody's interest any more."""
        with self._store.reading() as tx:
            record = _repository(tx, controller.work).get(record_id)
        if record is not None:
            self._clean_up_at_rest(controller, record)

    def _clean_up_at_rest(self, controller: Controller[R, Any], record: R) -> None:
        if controller.lifecycle.at_rest(record.status):
            self._guarded(controller.clean_up, record, controller.work, record.id)

    @staticmethod
    def _guarded(free: Callable[[Any], None], what: object, work: Work, record_id: str) -> None:
        """Free something; what cannot be freed now is found by a later sweep."""
        try:
            free(what)
        except Exception as error:
            trouble = machine_error_of(error)
            log.error(  # noqa: TRY400 - of a machine's trouble a sentence says it
                "what %s %s held could not be freed; it is tried again: %s",
                work.value,
                record_id,
                trouble or repr(error),
                exc_info=None if trouble else error,
            )


_WAYS_ON: Mapping[Event, Mapping[str, object]] = {
    Event.FAILED: {},
    Event.STOPPING: {},
    Event.ERASING: {},
    Event.GATHERED: {"partial_pending": False},
}
"""How a resource that cannot be worked on moves on: a status without a way to fail leads to one that has it."""


def _repository(tx: Transaction, work: Work) -> LifecycleRepository[Any]:
    repository: LifecycleRepository[Any] = getattr(tx, work.value)
    return repository


def _trouble_of(error: Exception) -> str | None:
    """What is to be waited for, since it is nobody's fault here; None for any other error."""
    if isinstance(error, DeliveryDelayed):
        return error.for_receiver
    return str(error) if isinstance(error, RingUnreachable) else machine_error_of(error)


def _failure_of(error: Exception) -> Failure:
    """What a resource fails with, for which a step failed once too often."""
    if isinstance(error, DeliveryDelayed):
        return Failure(StatusCode.DELIVERY_FAILED, str(error))
    if isinstance(error, KeyRefused):
        return Failure(StatusCode.KEY_UNAVAILABLE, str(error))
    return Failure(StatusCode.PLATFORM_ERROR, MEANING[StatusCode.PLATFORM_ERROR])


def _reason(failure: Failure | None) -> str:
    return "" if failure is None else f"{failure.code.value}: {failure.message}"
