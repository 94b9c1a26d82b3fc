"""Memberships: an account that has joined a collaboration.

Operations: operations/memberships.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class MembershipStatus(StrEnum):
    """MembershipStatus."""

    ACTIVE = "ACTIVE"
    REMOVED = "REMOVED"
    COLLABORATION_DELETED = "COLLABORATION_DELETED"


@dataclass(frozen=True, slots=True)
class Membership:
    """One account's membership. What the member may do stands in its `Member` record."""

    id: str
    arn: str
    collaboration_id: str
    account_id: str
    status: MembershipStatus
    query_log_status: str
    job_log_status: str | None
    default_result_configuration: Mapping[str, Any] | None
    default_job_result_configuration: Mapping[str, Any] | None
    payment_configuration: Mapping[str, Any]
    """MembershipPaymentConfiguration: the costs that this member has accepted."""
    is_metrics_enabled: bool | None
    created_at: datetime
    updated_at: datetime
