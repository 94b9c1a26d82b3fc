"""Export jobs: deliver a version's artefacts to one receiver, as far as the export policy allows.

Record, states and plan: domain/resources/trained_model_export_jobs.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whiteroom.controllers.current import require_wanted
from whiteroom.controllers.results import Handover, mark_delivered
from whiteroom.domain.execution.data import DataRef
from whiteroom.domain.execution.deliveries import Destination, delivery_path
from whiteroom.domain.execution.failures import MEANING, StatusCode
from whiteroom.domain.execution.lifecycle import Lifecycle
from whiteroom.domain.execution.steps import Effect, Failure, Outcome, Step, refused
from whiteroom.domain.privacy.policies import FileType, export_within_limit, exportable_files, may_export
from whiteroom.domain.resources.collaborations import Ability
from whiteroom.domain.resources.trained_model_export_jobs import LIFECYCLE, Status, TrainedModelExportJob, plan
from whiteroom.domain.resources.trained_models import (
    MODEL_ARCHIVE,
    OUTPUT_ARCHIVE,
    TrainedModel,
    model_archive,
    output_archive,
)
from whiteroom.domain.verdicts import ALLOWED, Denied
from whiteroom.ports.data import Archive, Data, UnsafeContents
from whiteroom.ports.deliveries import DeliveryFailed
from whiteroom.ports.repositories import Stale
from whiteroom.ports.store import Store, Work
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.algorithms import policies_at
from whiteroom.reads.current_rules import CurrentRules
from whiteroom.reads.halts import halt
from whiteroom.reads.members import destination, member_active
from whiteroom.reads.ready import ready_model


@dataclass(frozen=True, slots=True)
class Seen:
    """What an export's plan needs to see."""

    member_active: bool
    halt: Failure | None = None
    """Why it may not go on, where somebody other than its own membership has ended it."""


class TrainedModelExportJobController:
    """Drives every export job (loop.Controller)."""

    work = Work.TRAINED_MODEL_EXPORT_JOBS
    lifecycle: Lifecycle[Any] = LIFECYCLE

    def __init__(self, store: Store, data: Data, handover: Handover) -> None:
        """Work with the records in `store` and the artefacts in `data`, which `handover` delivers."""
        self._store = store
        self._data = data
        self._handover = handover

    def observe(self, record: TrainedModelExportJob) -> Seen:
        """loop.Controller.observe."""
        with self._store.reading() as tx:
            return Seen(member_active(tx, record.membership_id), _halt(tx, record))

    def plan(self, record: TrainedModelExportJob, seen: Seen, now: datetime) -> Step:  # noqa: ARG002 - of the protocol
        """loop.Controller.plan."""
        return plan(record, member_active=seen.member_active, halt=seen.halt)

    def act(self, record: TrainedModelExportJob, effect: Effect) -> Outcome:
        """loop.Controller.act."""
        if effect is not Effect.DELIVER:
            raise ValueError(f"an export job has no effect {effect.value}")
        ready = self._ready(record)
        if isinstance(ready, Failure):
            return Outcome(failure=ready)

        def confirm() -> None:
            if self._ready(record) != ready:
                raise Stale(f"What the export job {record.id} rests on changed while its files were copied.")

        path = delivery_path(record.collaboration_id, record.trained_model_name, record.account_id, record.name)
        try:
            sources = _sources(record.trained_model_id, ready.kinds)
            for _, source in sources:
                self._data.bring(source)
            self._handover.deliver(record, record.receiver_account_id, ready.destination, path, sources, confirm)
        except UnsafeContents as error:
            return refused(StatusCode.UNSAFE_ARTIFACT, str(error))
        except DeliveryFailed as error:
            return refused(StatusCode.DELIVERY_FAILED, str(error))
        return Outcome({"exported_bytes": ready.size_bytes})

    def on_transition(self, tx: Transaction, record: TrainedModelExportJob, now: datetime) -> None:
        """loop.Controller.on_transition: what was delivered can be fetched."""
        if record.status is Status.ACTIVE:
            mark_delivered(tx, record.id, now)

    def clean_up(self, record: TrainedModelExportJob) -> None:
        """loop.Controller.clean_up: an export holds nothing."""

    def owned_ids(self) -> Iterable[str]:
        """loop.Controller.owned_ids."""
        return ()

    def clean_up_orphan(self, record_id: str) -> None:
        """loop.Controller.clean_up_orphan."""

    def _ready(self, job: TrainedModelExportJob) -> _Ready | Failure:
        """What the export delivers and where to, judged now."""
        with self._store.reading() as tx:
            require_wanted(tx, self.work, job)
            model = ready_model(tx, job.trained_model_id)
            halted = _halt(tx, job)
            if isinstance(model, Failure):
                return model
            if halted is not None:
                return halted
            policies = policies_at(tx, model.association_arn)
            place = destination(tx, job.collaboration_id, job.receiver_account_id, Ability.CAN_RECEIVE_MODEL_OUTPUT)
        kinds = exportable_files(policies)
        kept = [one for one in (self._kept(model, kind) for kind in kinds) if one is not None]
        if len(kept) < len(kinds):
            return Failure(StatusCode.MODEL_UNAVAILABLE, MEANING[StatusCode.MODEL_UNAVAILABLE])
        size_bytes, archive_bytes = sum(one.content_bytes for one in kept), sum(one.size_bytes for one in kept)
        for code, verdict in (
            (StatusCode.EXPORT_NOT_ALLOWED, may_export(policies)),
            (StatusCode.EXPORT_TOO_LARGE, export_within_limit(size_bytes, archive_bytes, policies)),
        ):
            if isinstance(verdict, Denied):
                return Failure(code, verdict.reason)
        if isinstance(place, Denied):
            return Failure(StatusCode.RECEIVER_NOT_READY, place.reason)
        return _Ready(place, kinds, size_bytes)

    def _kept(self, model: TrainedModel, kind: FileType) -> Archive | None:
        """An artefact; None where it is not the one that was recorded."""
        archive, recorded = _FILES[kind][1](model.id), getattr(model, _FILES[kind][2])
        kept = self._data.archive(archive)
        return None if kept is None or kept.content_bytes != recorded else kept


@dataclass(frozen=True, slots=True)
class _Ready:
    """What an export may deliver."""

    destination: Destination
    kinds: tuple[FileType, ...]
    size_bytes: int


_FILES = {
    FileType.MODEL: (MODEL_ARCHIVE, model_archive, "model_bytes"),
    FileType.OUTPUT: (OUTPUT_ARCHIVE, output_archive, "output_bytes"),
}
"""What each kind is called at the receiver, its archive here, and the record's field with its size."""


def _sources(model_id: str, kinds: Iterable[FileType]) -> list[tuple[str, DataRef]]:
    return [(_FILES[kind][0], _FILES[kind][1](model_id)) for kind in kinds]


def _halt(tx: Transaction, job: TrainedModelExportJob) -> Failure | None:
    """Why the model may not leave now; None where the owners of what it was made of, and the operator, allow it."""
    model = tx.trained_models.get(job.trained_model_id)
    return halt(tx, job.collaboration_id, ALLOWED if model is None else CurrentRules(tx).model(model))
