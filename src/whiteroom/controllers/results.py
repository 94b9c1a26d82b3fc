"""Delivers results, and records each before any of it can be seen.

What is written down: domain/resources/results.py.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from whiteroom.base.arns import new_id
from whiteroom.base.clock import Clock
from whiteroom.controllers.storing import hold, release, require_room
from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.deliveries import DeliveredFile, Destination, delivery_place
from whiteroom.domain.resources.holdings import Holding, HoldingKind, holding_id
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.domain.resources.quotas import Quotas
from whiteroom.domain.resources.results import Result, ResultKind, ResultStatus, file_documents
from whiteroom.domain.resources.trained_model_export_jobs import TrainedModelExportJob
from whiteroom.domain.resources.trained_model_inference_jobs import TrainedModelInferenceJob
from whiteroom.ports.deliveries import Deliveries, DeliveryDelayed, DeliveryFailed
from whiteroom.ports.store import Store
from whiteroom.ports.transaction import Transaction

log = logging.getLogger(__name__)

Job = ProtectedQuery | TrainedModelExportJob | TrainedModelInferenceJob


MOST_REMEMBERED: Final = 256


class Handover:
    """Delivers, and keeps the record of it."""

    def __init__(
        self, store: Store, deliveries: Deliveries, clock: Clock, quotas: Quotas, *, kept_here: bool = True
    ) -> None:
        """Work with these.

        Args:
            store: where it is written down.
            deliveries: put files at members' locations.
            clock: says what time it is.
            quotas: of bytes that are kept.
            kept_here: whether members' locations are on this server, so that it counts what is there.
        """
        self._store = store
        self._deliveries = deliveries
        self._clock = clock
        self._quotas = quotas
        self._kept_here = kept_here
        self._arrived: OrderedDict[tuple[str, str], object] = OrderedDict()
        """What has arrived lately: of several receivers, one that does not answer has no other sent the same again."""

    def require_room(self, job: Job, size_bytes: int) -> None:
        """Raise NoRoom where so many bytes of a job's results do not fit: before any receiver is given its part."""
        if self._kept_here:
            with self._store.reading() as tx:
                require_room(tx, job.membership_id, job.collaboration_id, size_bytes, self._quotas)

    def deliver(
        self,
        job: Job,
        account_id: str,
        destination: Destination,
        path: str,
        sources: Iterable[tuple[str, DataRef]],
        confirm: Callable[[], object],
    ) -> None:
        """Deliver what a job gave to one account. Safe to repeat.

        Args:
            job: what gave it.
            account_id: to whom.
            destination: where it gets it.
            path: of the delivery, below it.
            sources: the files.
            confirm: as `Deliveries.deliver` says; it raises where nothing is to be delivered.

        Raises:
            UnsafeContents: as `Deliveries.deliver`.
            DeliveryFailed: likewise. What is for the receiver alone is recorded.
            DeliveryDelayed: likewise.
            NoRoom: its bytes do not fit into what is left to its membership.
        """
        files_sent = tuple(sources)
        sent = (destination, path, files_sent)
        if self._arrived.get((job.id, account_id)) == sent:
            return

        def write_down(files: Sequence[DeliveredFile]) -> None:
            confirm()
            with self._store.transaction() as tx:
                result = _write_down(tx, _result(job, account_id, destination.location, path, files, self._clock()))
                if self._kept_here:
                    hold(tx, _holding(job, result), self._quotas)
                else:  # an earlier attempt may have, before results went to buckets
                    release(tx, HoldingKind.RESULT, result.id, self._clock())

        try:
            self._deliveries.deliver(destination, job.id, path, files_sent, write_down)
        except (DeliveryFailed, DeliveryDelayed) as error:
            if error.for_receiver and isinstance(error, DeliveryFailed):  # the loop logs what is tried again
                log.warning("what %s gave could not be delivered: %s", job.id, error.for_receiver)
            if error.for_receiver and destination.owner_account_id is not None:
                refused = _result(job, account_id, destination.location, path, (), self._clock())
                with self._store.transaction() as tx:
                    _write_again(tx, replace(refused, status=ResultStatus.REFUSED, reason=error.for_receiver))
            raise
        self._arrived[job.id, account_id] = sent
        if len(self._arrived) > MOST_REMEMBERED:
            self._arrived.popitem(last=False)


def mark_delivered(tx: Transaction, job_id: str, now: datetime) -> None:
    """What a job has delivered can be fetched, but for what another one has replaced meanwhile."""
    for result in tx.results.all(job_id=job_id):
        if result.status is ResultStatus.UNDER_WAY:
            tx.results.update(result, status=ResultStatus.DELIVERED, delivered_at=now)


def _result(
    job: Job, account_id: str, location: str, path: str, files: Sequence[DeliveredFile], now: datetime
) -> Result:
    match job:
        case ProtectedQuery():
            kind, name = ResultKind.PROTECTED_QUERY, job.id
        case TrainedModelExportJob():
            kind, name = ResultKind.EXPORT_JOB, job.name
        case _:
            kind, name = ResultKind.INFERENCE_JOB, job.name
    return Result(
        id=new_id(),
        account_id=account_id,
        collaboration_id=job.collaboration_id,
        kind=kind,
        job_id=job.id,
        job_name=name,
        asked_by=job.account_id,
        location=location,
        path=path,
        place=delivery_place(location, path),
        files=file_documents(files),
        status=ResultStatus.UNDER_WAY,
        reason=None,
        created_at=now,
        delivered_at=None,
    )


def _holding(job: Job, result: Result) -> Holding:
    """What a delivery keeps. An export has no payer: who asked for it pays."""
    payer = None if isinstance(job, TrainedModelExportJob) else job.payer_account_id
    return Holding(
        id=holding_id(HoldingKind.RESULT, result.id),
        kind=HoldingKind.RESULT,
        resource=job.trained_model_arn if isinstance(job, TrainedModelExportJob) else job.arn,
        membership_id=job.membership_id,
        collaboration_id=job.collaboration_id,
        account_id=job.account_id,
        payer_account_id=payer or job.account_id,
        size_bytes=result.size_bytes,
        is_held=True,
        created_at=result.created_at,
        ended_at=None,
    )


def _write_down(tx: Transaction, result: Result) -> Result:
    """Write it down; what lay there is replaced."""
    for other in tx.results.all(place=result.place):
        # Receivers of one query who share a folder are given the same files.
        if other.job_id != result.job_id and other.status is not ResultStatus.REPLACED:
            tx.results.update(other, status=ResultStatus.REPLACED)
            release(tx, HoldingKind.RESULT, other.id, result.created_at)
    return _write_again(tx, result)


def _write_again(tx: Transaction, result: Result) -> Result:
    """Under the id that the delivery has already where it is made again."""
    earlier = next((one for one in tx.results.all(job_id=result.job_id) if one.account_id == result.account_id), None)
    if earlier is not None:
        tx.results.remove(earlier)
        result = replace(result, id=earlier.id)
    return tx.results.add(result)
