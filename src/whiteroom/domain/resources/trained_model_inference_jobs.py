"""Inference jobs: a trained model put over the rows of a channel, for one receiver.

Operations: operations/cleanrooms_ml/trained_model_inference_jobs.py. Controller:
controllers/trained_model_inference_jobs.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from whiteroom.domain.execution.lifecycle import Event, Lifecycle
from whiteroom.domain.execution.retries import Retry
from whiteroom.domain.execution.run_plans import plan_run
from whiteroom.domain.execution.runs import Observation
from whiteroom.domain.execution.steps import Effect, Failure, Step, follow_run


class Status(StrEnum):
    """TrainedModelInferenceJobStatus, in the model's order."""

    CREATE_PENDING = "CREATE_PENDING"
    """Recorded, and not begun; or waiting for its next try."""
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    """Its instances run, or what they gave is being delivered."""
    CREATE_FAILED = "CREATE_FAILED"
    """Nothing was delivered."""
    ACTIVE = "ACTIVE"
    """Delivered."""
    CANCEL_PENDING = "CANCEL_PENDING"
    """Its end was asked for."""
    CANCEL_IN_PROGRESS = "CANCEL_IN_PROGRESS"
    """Its instances are being ended."""
    CANCEL_FAILED = "CANCEL_FAILED"
    """Its instances could not be ended."""
    INACTIVE = "INACTIVE"
    """Cancelled: nothing was delivered."""


LIFECYCLE: Lifecycle[Status] = Lifecycle(
    resource="TrainedModelInferenceJob",
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
        Status.CREATE_FAILED: {},
        Status.ACTIVE: {},
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
        Status.INACTIVE: {},
    },
)


@dataclass(frozen=True, slots=True)
class TrainedModelInferenceJob:
    """One inference job."""

    id: str
    arn: str
    membership_id: str
    collaboration_id: str
    account_id: str
    name: str
    description: str | None
    trained_model_arn: str
    trained_model_version_identifier: str
    """As it was resolved when the job was asked for; `trained_model_id` is that version's own id."""
    trained_model_id: str
    trained_model_name: str
    association_arn: str
    """The association whose inference image serves: the request's, else the model's."""
    resource_config: Mapping[str, Any]
    receiver_account_id: str
    accept: str | None
    ml_input_channel_arn: str
    max_payload_in_mb: int | None
    environment: Mapping[str, str]
    payer_account_id: str | None
    kms_key_arn: str | None
    image_digest: str | None
    logs_status: str | None
    logs_status_details: str | None
    metrics_status: str | None
    metrics_status_details: str | None
    output_bytes: int | None
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


def plan(
    job: TrainedModelInferenceJob,
    seen: Observation,
    now: datetime,
    *,
    member_active: bool,
    grace_seconds: int,
    halt: Failure | None = None,
) -> Step:
    """The next step for this job, by `plan_run`: a run that succeeded is delivered. Pure."""
    return plan_run(
        job,
        seen,
        now,
        member_active=member_active,
        grace_seconds=grace_seconds,
        halt=halt,
        ended=lambda seen: follow_run(seen, Effect.DELIVER),
    )
