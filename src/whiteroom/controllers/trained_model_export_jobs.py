"""Export jobs: deliver a version's artefacts to one receiver, as far as the export policy allows.

Record, states and plan: domain/trained_model_export_jobs.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from whiteroom.controllers.artefacts import is_kept
from whiteroom.controllers.room import member_active, policies_of, ready_model, receiving_location
from whiteroom.domain.collaborations import Ability
from whiteroom.domain.deliveries import delivery_path
from whiteroom.domain.failures import StatusCode
from whiteroom.domain.lifecycle import Lifecycle
from whiteroom.domain.privacy import FileType, export_within_limit, exportable_files, may_export
from whiteroom.domain.steps import Effect, Failure, Outcome, Step, refused
from whiteroom.domain.trained_model_export_jobs import LIFECYCLE, TrainedModelExportJob, plan
from whiteroom.domain.trained_models import MODEL_ARCHIVE, OUTPUT_ARCHIVE, TrainedModel, model_key, output_key
from whiteroom.domain.verdicts import Denied
from whiteroom.ports import DeliveryFailed, ObjectStore, Store, Transaction, UnsafeContents, Work


@dataclass(frozen=True, slots=True)
class Seen:
    """What an export's plan needs to see."""

    member_active: bool


class TrainedModelExportJobController:
    """Drives every export job (loop.Controller)."""

    work = Work.TRAINED_MODEL_EXPORT_JOBS
    lifecycle: Lifecycle[Any] = LIFECYCLE

    def __init__(self, store: Store, objects: ObjectStore) -> None:
        """Work with the records in `store` and the artefacts in `objects`."""
        self._store = store
        self._objects = objects

    def observe(self, record: TrainedModelExportJob) -> Seen:
        """loop.Controller.observe."""
        with self._store.reading() as tx:
            return Seen(member_active(tx, record.membership_id))

    def plan(self, record: TrainedModelExportJob, seen: Seen, now: datetime) -> Step:  # noqa: ARG002 - of the protocol
        """loop.Controller.plan."""
        return plan(record, member_active=seen.member_active)

    def act(self, record: TrainedModelExportJob, effect: Effect) -> Outcome:
        """loop.Controller.act."""
        if effect is not Effect.DELIVER:
            raise ValueError(f"an export job has no effect {effect.value}")
        with self._store.reading() as tx:
            model = ready_model(tx, record.trained_model_id)
            if isinstance(model, Failure):
                return Outcome(failure=model)
            policies = policies_of(tx, model.association_arn)
            location = receiving_location(
                tx, record.collaboration_id, record.receiver_account_id, Ability.CAN_RECEIVE_MODEL_OUTPUT
            )
        kinds = exportable_files(policies)
        sizes = [self._size(model, kind) for kind in kinds]
        if None in sizes:
            return refused(StatusCode.MODEL_UNAVAILABLE)
        size_bytes = sum(size for size in sizes if size is not None)
        for code, verdict in (
            (StatusCode.EXPORT_NOT_ALLOWED, may_export(policies)),
            (StatusCode.EXPORT_TOO_LARGE, export_within_limit(size_bytes, policies)),
            (StatusCode.RECEIVER_NOT_READY, location),
        ):
            if isinstance(verdict, Denied):
                return refused(code, verdict.reason)
        path = delivery_path(record.collaboration_id, record.trained_model_name, record.account_id, record.name)
        try:
            self._objects.deliver(str(location), path, self._sources(model, kinds))
        except UnsafeContents as error:
            return refused(StatusCode.UNSAFE_ARTIFACT, str(error))
        except DeliveryFailed as error:
            return refused(StatusCode.DELIVERY_FAILED, str(error))
        return Outcome({"exported_bytes": size_bytes})

    def accompany(self, tx: Transaction, record: TrainedModelExportJob, now: datetime) -> None:
        """loop.Controller.accompany: nothing goes along with an export job."""

    def tidy(self, record: TrainedModelExportJob) -> None:
        """loop.Controller.tidy: an export holds nothing."""

    def held(self) -> Iterable[str]:
        """loop.Controller.held."""
        return ()

    def drop(self, record_id: str) -> None:
        """loop.Controller.drop."""

    def _size(self, model: TrainedModel, kind: FileType) -> int | None:
        """Uncompressed bytes of an artefact; None where it is not the one that was recorded."""
        key = _FILES[kind][1](model.id)
        recorded: int | None = getattr(model, _FILES[kind][2])
        return recorded if is_kept(self._objects, key, recorded) else None

    def _sources(self, model: TrainedModel, kinds: Iterable[FileType]) -> list[tuple[str, Path]]:
        return [(_FILES[kind][0], self._objects.local_path(_FILES[kind][1](model.id))) for kind in kinds]


_FILES = {
    FileType.MODEL: (MODEL_ARCHIVE, model_key, "model_bytes"),
    FileType.OUTPUT: (OUTPUT_ARCHIVE, output_key, "output_bytes"),
}
"""What each kind is called at the receiver, its key, and the record's field with its size."""
