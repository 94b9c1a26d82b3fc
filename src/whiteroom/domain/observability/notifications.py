"""Notifications: what an account is told of by a webhook or by e-mail, and how often it is tried (decision 0050).

A notice names things and says how they ended. It has no word of a program, of a query or of another member's: whoever
is told of something reads the rest where it is asked who it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from whiteroom.domain.execution.failures import MEANING, StatusCode
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.results import Result, ResultStatus

ENDS: Final[Mapping[Event, str]] = {Event.SUCCEEDED: "succeeded", Event.FAILED: "failed", Event.STOPPED: "cancelled"}
"""What of a job's life somebody is told of, and what the type of the notice calls it."""

NOUNS: Final[Mapping[str, str]] = {
    "ml_input_channels": "ml_input_channel",
    "trained_models": "trained_model",
    "trained_model_inference_jobs": "trained_model_inference_job",
    "trained_model_export_jobs": "trained_model_export_job",
    "protected_queries": "protected_query",
}
"""How the type of a notice begins, by the name of the job's repository."""

INVITED: Final = "membership.invited"
NEEDED: Final = "action.needed"
TEST: Final = "notification.test"

_WAITS: Final = tuple(
    timedelta(**wait)
    for wait in (
        {"seconds": 5},
        {"minutes": 5},
        {"minutes": 30},
        {"hours": 2},
        {"hours": 5},
        {"hours": 10},
        {"hours": 14},
        {"hours": 20},
        {"hours": 24},
    )
)
"""Between the tries of one notice, as Standard Webhooks proposes: ten tries in three days."""

MOST_TRIES: Final = len(_WAITS) + 1
LONGEST_WAIT: Final = sum(_WAITS, timedelta())
"""How old a notice may be that is still tried."""
MOST_PENDING: Final = 1_000
"""How many notices may wait for one address; those beyond it are given up."""
SETTLES_AFTER: Final = timedelta(minutes=5)
"""How long something has to be missing before its account is told: whoever sets a table up does it in several calls."""
_SHORTEST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=5)


class Way(StrEnum):
    """How an address is reached."""

    WEBHOOK = "webhook"
    """By an HTTP request that is signed."""
    EMAIL = "email"
    """By the operator's mail server."""


@dataclass(frozen=True, slots=True)
class NotificationAddress:
    """Where an account is told something. The operator's word, never a member's."""

    id: str
    account_id: str
    way: Way
    place: str
    """The address of e-mail; of a webhook where its URL begins, which is a secret as a whole."""
    created_at: datetime
    due_at: datetime
    """Nothing is sent to it before."""
    failures: int = 0
    """How many tries in a row failed."""
    failing_since: datetime | None = None
    problem: str | None = None
    """Of the last try, in a sentence for the operator."""
    given_up: int = 0
    """How many notices never came through."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a webhook is, and what its requests are signed with."""

    url: str
    key: bytes


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A job has ended; written in the transaction that ended it, and removed in the one that made notices of it."""

    id: str
    kind: str
    """Names the repository of the job."""
    record_id: str
    event: Event
    status: str
    """That the event led to."""
    code: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing that one address is to be told."""

    id: str
    """The same at every try, so that a receiver can drop repeats."""
    address_id: str
    collaboration_id: str
    """Of which the account must be a member still when it is sent."""
    type: str
    data: Mapping[str, Any]
    created_at: datetime
    """When it happened."""
    due_at: datetime
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Need:
    """What a collaboration waits for from an account, as one of its addresses was told or is about to be."""

    id: str
    address_id: str
    collaboration_id: str
    sentence: str
    is_told: bool
    created_at: datetime
    """When it was first seen."""


def notice(
    address: NotificationAddress, kind: str, about: str, collaboration_id: str, data: Mapping[str, Any], at: datetime
) -> Notice:
    """A notice that is due at once; of the same thing and moment it is the same one.

    Args:
        address: who is told.
        kind: the type.
        about: tells apart what happened at one moment.
        collaboration_id: in which it happened.
        data: what is told.
        at: when it happened.
    """
    name = _digest(address.id, kind, about, at.isoformat())
    whole = {"accountId": address.account_id, "collaborationId": collaboration_id, **data}
    return Notice(f"msg_{name}", address.id, collaboration_id, kind, whole, at, at)


def end_data(entry: OutboxEntry, record: Any) -> dict[str, Any]:
    """What the account of a job is told of its end."""
    data = {
        "resource": getattr(record, "arn", None) or record.trained_model_arn,
        "id": record.id,
        "name": getattr(record, "name", None),
        "versionIdentifier": getattr(record, "version_identifier", None),
        "status": entry.status,
        "statusCode": entry.code,
        "meaning": MEANING[StatusCode(entry.code)] if entry.code and entry.event is Event.FAILED else None,
    }
    return {name: value for name, value in data.items() if value is not None}


def result_notice(address: NotificationAddress, entry: OutboxEntry, result: Result) -> Notice | None:
    """What a receiver is told of a delivery to it; None where there is nothing to tell yet."""
    kinds = {ResultStatus.DELIVERED: "result.delivered", ResultStatus.REFUSED: "result.refused"}
    kind = kinds.get(result.status)
    if kind is None:
        return None
    data = {
        "resultId": result.id,
        "jobKind": result.kind.value,
        "jobId": result.job_id,
        "jobName": result.job_name,
        "askedBy": result.asked_by,
        "location": result.place,
        "files": len(result.files),
        "sizeBytes": result.size_bytes,
    }
    return notice(address, kind, entry.id, result.collaboration_id, data, entry.created_at)


def need(address: NotificationAddress, collaboration_id: str, sentence: str, *, now: datetime) -> Need:
    """A need that was seen for the first time."""
    name = _digest(address.id, collaboration_id, sentence)
    return Need(name, address.id, collaboration_id, sentence, is_told=False, created_at=now)


def next_try(tries: int) -> timedelta | None:
    """How long to wait after so many tries (1 or more); None where there is no further one."""
    return _WAITS[tries - 1] if tries < MOST_TRIES else None


def pause(failures: int) -> timedelta:
    """How long an address is left alone after so many failures in a row (1 or more), whatever waits for it."""
    return min(_SHORTEST_PAUSE * (1 << min(failures - 1, 10)), _LONGEST_PAUSE)


def has_come(due_at: datetime, now: datetime) -> bool:
    """Whether it is time; it is too where the clock was set back so far that nobody would have waited so long."""
    return due_at <= now or due_at - now > _WAITS[-1] + _LONGEST_PAUSE


def _digest(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]
