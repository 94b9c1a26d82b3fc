"""Handing results over: delivered, and written down before any of it can be seen.

What is written down: domain/resources/results.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

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
from whiteroom.ports import Deliveries, Store, Transaction

Job = ProtectedQuery | TrainedModelExportJob | TrainedModelInferenceJob


@dataclass(frozen=True, slots=True)
class Handover:
    """Delivers, and keeps the record of it."""

    store: Store
    deliveries: Deliveries
    clock: Clock
    quotas: Quotas

    def require_room(self, job: Job, size_bytes: int) -> None:
        """Raise NoRoom where so many bytes of a job's results do not fit: before any receiver is given its part."""
        with self.store.reading() as tx:
            require_room(tx, job.membership_id, job.collaboration_id, size_bytes, self.quotas)

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
            DeliveryFailed: likewise.
            NoRoom: its bytes do not fit into what is left to its membership.
        """

        def write_down(files: Sequence[DeliveredFile]) -> None:
            confirm()
            with self.store.transaction() as tx:
                result = _write_down(tx, _result(job, account_id, destination.location, path, files, self.clock()))
                hold(tx, _holding(job, result), self.quotas)

        self.deliveries.deliver(destination, job.id, path, sources, write_down)


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
    """Write it down, under the id that the delivery has already where it is made again; what lay there is replaced."""
    for other in tx.results.all(place=result.place):
        # Receivers of one query who share a folder are given the same files.
        if other.job_id != result.job_id and other.status is not ResultStatus.REPLACED:
            tx.results.update(other, status=ResultStatus.REPLACED)
            release(tx, HoldingKind.RESULT, other.id, result.created_at)
    earlier = next((one for one in tx.results.all(job_id=result.job_id) if one.account_id == result.account_id), None)
    if earlier is not None:
        tx.results.remove(earlier)
        result = replace(result, id=earlier.id)
    return tx.results.add(result)
