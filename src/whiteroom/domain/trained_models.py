"""Trained models: one record per version, and the states a training goes through.

Operations: operations/trained_models.py. Controller: controllers/trained_models.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from whiteroom.domain.lifecycle import Event, Lifecycle


class Status(StrEnum):
    """TrainedModelStatus, in the model's order."""

    CREATE_PENDING = "CREATE_PENDING"
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_FAILED = "CREATE_FAILED"
    ACTIVE = "ACTIVE"
    DELETE_PENDING = "DELETE_PENDING"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_FAILED = "DELETE_FAILED"
    INACTIVE = "INACTIVE"
    CANCEL_PENDING = "CANCEL_PENDING"
    CANCEL_IN_PROGRESS = "CANCEL_IN_PROGRESS"
    CANCEL_FAILED = "CANCEL_FAILED"


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


BASE_VERSION = "NULL"
"""What AWS answers as the base version's identifier ("The initial version identifier ... is "NULL"")."""


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
    """At most one: `channelName`, `trainedModelArn`, `versionIdentifier`, `modelName`, `modelId` (the base version's id)."""
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
    run_started_at: datetime | None
    run_ended_at: datetime | None
    status: Status
    status_code: str | None
    """statusDetails.statusCode, from domain/failures.py."""
    status_message: str | None
    revision: int
    """Counts the writes; each write names the revision it saw (ports.Stale)."""
    created_at: datetime
    updated_at: datetime
