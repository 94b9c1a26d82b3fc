"""Export jobs: artefacts of a trained model, delivered to one receiver under the export policy.

Operations: operations/cleanrooms_ml/trained_model_export_jobs.py. Controller: controllers/trained_model_export_jobs.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.lifecycle import Event, Lifecycle
from whiteroom.domain.execution.steps import WAIT, Effect, Failure, Step, failed


class Status(StrEnum):
    """TrainedModelExportJobStatus, in the model's order."""

    CREATE_PENDING = "CREATE_PENDING"
    """Recorded, and not begun."""
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    """Being delivered."""
    CREATE_FAILED = "CREATE_FAILED"
    """Nothing was delivered."""
    ACTIVE = "ACTIVE"
    """Delivered."""


LIFECYCLE: Lifecycle[Status] = Lifecycle(
    resource="TrainedModelExportJob",
    initial=Status.CREATE_PENDING,
    table={
        Status.CREATE_PENDING: {
            Event.STARTED: Status.CREATE_IN_PROGRESS,
            Event.FAILED: Status.CREATE_FAILED,
        },
        Status.CREATE_IN_PROGRESS: {
            Event.SUCCEEDED: Status.ACTIVE,
            Event.FAILED: Status.CREATE_FAILED,
        },
        Status.CREATE_FAILED: {},
        Status.ACTIVE: {},
    },
)


@dataclass(frozen=True, slots=True)
class TrainedModelExportJob:
    """One export job. AWS gives it no ARN: `model ARN` and `name` tell it apart."""

    id: str
    membership_id: str
    collaboration_id: str
    account_id: str
    name: str
    description: str | None
    trained_model_arn: str
    trained_model_version_identifier: str
    trained_model_id: str
    trained_model_name: str
    receiver_account_id: str
    exported_bytes: int | None
    status: Status
    status_code: str | None
    """statusDetails.statusCode, from domain/execution/failures.py."""
    status_message: str | None
    revision: int
    """Counts the writes; each write names the revision it saw (ports.Stale)."""
    created_at: datetime
    updated_at: datetime


def plan(job: TrainedModelExportJob, *, member_active: bool, halt: Failure | None = None) -> Step:
    """The next step for this job. Pure: the same arguments give the same step.

    Args:
        job: the record.
        member_active: whether the membership that asked for the export still is ACTIVE.
        halt: why it may not go on, where somebody other than its own membership has ended it.
    """
    match job.status:
        case Status.CREATE_PENDING | Status.CREATE_IN_PROGRESS if not member_active:
            return failed(StatusCode.MEMBERSHIP_ENDED)
        case Status.CREATE_PENDING | Status.CREATE_IN_PROGRESS if halt is not None:
            return failed(halt.code, halt.message)
        case Status.CREATE_PENDING:
            return Step(event=Event.STARTED)
        case Status.CREATE_IN_PROGRESS:
            return Step(Effect.DELIVER, Event.SUCCEEDED)
        case _:
            return WAIT
