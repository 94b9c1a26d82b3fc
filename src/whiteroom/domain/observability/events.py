"""The audit trail: one row for everything that happens to a resource."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from whiteroom.domain.execution.lifecycle import Event


@dataclass(frozen=True, slots=True)
class ResourceEvent:
    """One thing that happened. Written in the transaction that made it happen."""

    arn: str
    record_id: str
    """Tells the versions of one model apart."""
    revision: int
    event: Event
    from_status: str | None
    to_status: str
    actor: str
    """An account, or `controller`."""
    user: str | None
    """Which user of the account; None where it is none's doing, or from before accounts had users."""
    principal: str | None
    """As AWS names who it was: the ARN of the user, or of the role that it had assumed."""
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EventSummary:
    """What the operator sees of one: no reason, which can quote what a member wrote or its program printed."""

    place: int
    """In the order of all events."""
    arn: str
    event: Event
    from_status: str | None
    to_status: str
    actor: str
    user: str | None
    at: datetime
