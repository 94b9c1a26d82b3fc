"""Protected queries: SQL that ran, or runs, for a member.

Operations: operations/protected_queries.py. Today each one belongs to an ML input channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class ProtectedQueryStatus(StrEnum):
    """ProtectedQueryStatus."""

    SUBMITTED = "SUBMITTED"
    STARTED = "STARTED"
    CANCELLED = "CANCELLED"
    CANCELLING = "CANCELLING"
    FAILED = "FAILED"
    SUCCESS = "SUCCESS"
    TIMED_OUT = "TIMED_OUT"


@dataclass(frozen=True, slots=True)
class ProtectedQuery:
    """One query of a member."""

    id: str
    membership_id: str
    membership_arn: str
    collaboration_id: str
    account_id: str
    ml_input_channel_arn: str
    """The channel that its rows went into; they went nowhere else."""
    sql_parameters: Mapping[str, Any]
    compute_configuration: Mapping[str, Any] | None
    payer_account_id: str | None
    status: ProtectedQueryStatus
    error_code: str | None
    error_message: str | None
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    updated_at: datetime
