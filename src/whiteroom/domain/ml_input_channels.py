"""ML input channels: rows that a protected query made, for one algorithm to learn from.

Operations: operations/ml_input_channels.py. Controller: controllers/ml_input_channels.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from whiteroom.domain.lifecycle import Event, Lifecycle


class Status(StrEnum):
    """MLInputChannelStatus, in the model's order."""

    CREATE_PENDING = "CREATE_PENDING"
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    CREATE_FAILED = "CREATE_FAILED"
    ACTIVE = "ACTIVE"
    DELETE_PENDING = "DELETE_PENDING"
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    DELETE_FAILED = "DELETE_FAILED"
    INACTIVE = "INACTIVE"


LIFECYCLE: Lifecycle[Status] = Lifecycle(
    resource="MLInputChannel",
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
        Status.CREATE_FAILED: {
            Event.DELETE: Status.DELETE_PENDING,
        },
        Status.ACTIVE: {
            Event.DELETE: Status.DELETE_PENDING,
            Event.EXPIRED: Status.DELETE_PENDING,
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
    },
)


@dataclass(frozen=True, slots=True)
class MLInputChannel:
    """One channel. Its rows are never shown to any member."""

    id: str
    arn: str
    membership_id: str
    collaboration_id: str
    account_id: str
    name: str
    description: str | None
    association_arn: str
    """The configured model algorithm association that the rows are for."""
    input_channel: Mapping[str, Any]
    """InputChannel, as the request gave it."""
    retention_in_days: int
    payer_configuration: Mapping[str, Any]
    kms_key_arn: str | None
    protected_query_id: str
    source_associations: tuple[str, ...]
    """Ids of the configured table associations that the query read; empty until it has run."""
    number_of_records: int | None
    number_of_files: int | None
    size_bytes: int | None
    expires_at: datetime | None
    """When the rows are erased; set when the channel becomes ACTIVE."""
    status: Status
    status_code: str | None
    """statusDetails.statusCode, from domain/failures.py."""
    status_message: str | None
    revision: int
    """Counts the writes; each write names the revision it saw (ports.Stale)."""
    created_at: datetime
    updated_at: datetime
