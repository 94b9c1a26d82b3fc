"""Trained models: one record per version, and the states a training goes through.

Operations: operations/cleanrooms_ml/trained_models.py. Controller: controllers/trained_models.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.lifecycle import Event, Lifecycle
from whiteroom.domain.execution.retries import Retry
from whiteroom.domain.execution.run_plans import plan_run
from whiteroom.domain.execution.runs import EndReason, Observation
from whiteroom.domain.execution.steps import Effect, Failure, Step, follow_run


class Status(StrEnum):
    """TrainedModelStatus, in the model's order."""

    CREATE_PENDING = "CREATE_PENDING"
    """Recorded, and not begun; or waiting for its next try."""
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    """Its instances run, or what they left is being packed."""
    CREATE_FAILED = "CREATE_FAILED"
    """Ended without artefacts that can be used."""
    ACTIVE = "ACTIVE"
    """Trained; its artefacts can be used."""
    DELETE_PENDING = "DELETE_PENDING"
    """Its artefacts are to be erased."""
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    """Its artefacts are being erased."""
    DELETE_FAILED = "DELETE_FAILED"
    """Its artefacts could not be erased."""
    INACTIVE = "INACTIVE"
    """Its artefacts are gone, or were never kept."""
    CANCEL_PENDING = "CANCEL_PENDING"
    """Its end was asked for."""
    CANCEL_IN_PROGRESS = "CANCEL_IN_PROGRESS"
    """Its instances are being ended."""
    CANCEL_FAILED = "CANCEL_FAILED"
    """Its instances could not be ended."""


LIFECYCLE: Lifecycle[Status] = Lifecycle(
    resource="TrainedModel",
    initial=Status.CREATE_PENDING,
    table={
        Status.CREATE_PENDING: {
            Event.STARTED: Status.CREATE_IN_PROGRESS,
            Event.FAILED: Status.CREATE_FAILED,
            Event.CANCEL: Status.CANCEL_PENDING,
        },
        Status.CREATE_IN_PROGRESS: {
            Event.SUCCEEDED: Status.ACTIVE,
            Event.FAILED: Status.CREATE_FAILED,
            Event.CANCEL: Status.CANCEL_PENDING,
        },
        Status.CREATE_FAILED: {
            Event.GATHERED: Status.CREATE_FAILED,
            Event.DELETE: Status.DELETE_PENDING,
        },
        Status.ACTIVE: {
            Event.DELETE: Status.DELETE_PENDING,
        },
        Status.DELETE_PENDING: {
            Event.ERASING: Status.DELETE_IN_PROGRESS,
        },
        Status.DELETE_IN_PROGRESS: {
            Event.ERASED: Status.INACTIVE,
            Event.FAILED: Status.DELETE_FAILED,
        },
        Status.DELETE_FAILED: {
            Event.DELETE: Status.DELETE_PENDING,
        },
        Status.INACTIVE: {},
        Status.CANCEL_PENDING: {
            Event.STOPPING: Status.CANCEL_IN_PROGRESS,
        },
        Status.CANCEL_IN_PROGRESS: {
            Event.STOPPED: Status.INACTIVE,
            Event.FAILED: Status.CANCEL_FAILED,
        },
        Status.CANCEL_FAILED: {
            Event.CANCEL: Status.CANCEL_PENDING,
        },
    },
)


MODEL_ARCHIVE = "model.tar.gz"
OUTPUT_ARCHIVE = "output.tar.gz"

BASE_VERSION = "NULL"
"""What AWS answers as the base version's identifier ("The initial version identifier ... is "NULL"")."""


@dataclass(frozen=True, slots=True)
class TrainedModelSummary:
    """What a list of models shows of one: some of the fields of its record, under the same names."""

    id: str
    arn: str
    version_identifier: str
    membership_id: str
    collaboration_id: str
    account_id: str
    name: str
    description: str | None
    association_arn: str
    incremental_channels: tuple[Mapping[str, Any], ...]
    payer_account_id: str | None
    status: Status
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """One version of a trained model: one training."""

    id: str
    """Of this version alone, for the base version too."""
    arn: str
    """Shared by all versions of the model."""
    version_identifier: str
    """A UUID, or BASE_VERSION."""
    is_latest: bool
    """Whether this is the newest version of its ARN: what lists of models show."""
    membership_id: str
    collaboration_id: str
    account_id: str
    name: str
    description: str | None
    association_arn: str
    resource_config: Mapping[str, Any]
    stopping_condition: Mapping[str, Any] | None
    hyperparameters: Mapping[str, str]
    environment: Mapping[str, str]
    data_channels: tuple[Mapping[str, Any], ...]
    """ModelTrainingDataChannel, as the request gave them."""
    incremental_channels: tuple[Mapping[str, Any], ...]
    """At most one: `channelName`, `trainedModelArn`, `versionIdentifier`, `modelName`, `modelId` (the version's id)."""
    training_input_mode: str
    payer_account_id: str | None
    kms_key_arn: str | None
    image_digest: str | None
    """trainingContainerImageDigest: what ran; set once, when the run starts."""
    logs_status: str | None
    logs_status_details: str | None
    metrics_status: str | None
    metrics_status_details: str | None
    model_bytes: int | None
    """Uncompressed size of the files in model.tar.gz."""
    output_bytes: int | None
    partial_bytes: int | None
    """Of the files that a training saved which ran too long; None where nothing of one is kept."""
    partial_pending: bool
    """Whether what such a training saved is still to be gathered: there was too much before its end was recorded."""
    retries: int
    """How often the run was tried again (domain/execution/retries.py)."""
    retry: Retry | None
    seconds_spent: int
    """How long the attempts ran that died."""
    run_started_at: datetime | None
    run_ended_at: datetime | None
    status: Status
    status_code: str | None
    """statusDetails.statusCode, from domain/execution/failures.py: why it failed, else InstanceClamped or nothing."""
    status_message: str | None
    revision: int
    """Counts the writes; each write names the revision it saw (ports.Stale)."""
    created_at: datetime
    updated_at: datetime
    stored_bytes: int | None = None
    """Of the archives that are kept, as they are stored; None in records of earlier releases."""


def plan(
    model: TrainedModel,
    seen: Observation,
    now: datetime,
    *,
    member_active: bool,
    grace_seconds: int,
    halt: Failure | None = None,
) -> Step:
    """The next step for this version: its erasing, what is left to be gathered, and all else by `plan_run`. Pure."""
    match model.status:
        case Status.CREATE_FAILED if model.partial_pending:
            return Step(Effect.GATHER, Event.GATHERED)
        case Status.DELETE_PENDING:
            return Step(event=Event.ERASING)
        case Status.DELETE_IN_PROGRESS:
            return Step(Effect.ERASE, Event.ERASED)
        case _:
            return plan_run(
                model,
                seen,
                now,
                member_active=member_active,
                grace_seconds=grace_seconds,
                halt=halt,
                ended=_ended,
            )


def _ended(seen: Observation) -> Step:
    """What becomes of a run that is not tried again; of one that ran too long, what it saved is kept apart."""
    step = follow_run(seen, Effect.KEEP)
    if seen.end is not None and seen.end.reason is EndReason.MAX_RUNTIME:
        return replace(step, effect=Effect.KEEP_PARTIAL)
    return step


def artefacts(version_id: str) -> DataRef:
    """All that is kept of a version."""
    return DataRef(DataKind.ARTEFACT, version_id)


def model_archive(version_id: str) -> DataRef:
    """A version's model.tar.gz: /opt/ml/model."""
    return artefacts(version_id).at(MODEL_ARCHIVE)


def output_archive(version_id: str) -> DataRef:
    """A version's output.tar.gz: /opt/ml/output/data."""
    return artefacts(version_id).at(OUTPUT_ARCHIVE)


def partial_archives(version_id: str) -> tuple[DataRef, DataRef]:
    """What a training saved that ran too long: its model and its output.

    Nothing that exports a model, serves it or goes on from it reads these.
    """
    partial = artefacts(version_id).at("partial")
    return partial.at(MODEL_ARCHIVE), partial.at(OUTPUT_ARCHIVE)
