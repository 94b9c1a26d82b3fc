"""Retention: for how long what is over is kept, as the operator chose.

Nothing that is in use goes, and nothing that a rule needs: no channel and no model, on which the rights of later
versions rest; no query that gave rows or was charged to a budget of differential privacy; no account of what was used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from whiteroom.domain.execution.deliveries import DeliveredFile
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.domain.resources.results import Result, ResultStatus, files_of


@dataclass(frozen=True, slots=True)
class Retention:
    """Days for which things are kept once they are over; None is for ever."""

    result_days: int | None = None
    undelivered_result_days: int | None = None
    log_days: int | None = None
    record_days: int | None = None


def is_over(since: datetime | None, days: int | None, now: datetime) -> bool:
    """Whether so many days have passed since then."""
    return since is not None and days is not None and since + timedelta(days=days) <= now


def result_is_over(result: Result, retention: Retention, now: datetime, *, job_at_rest: bool) -> bool:
    """Whether a result's files are to be erased.

    Args:
        result: what was delivered, or was to be.
        retention: for how long it is kept.
        now: the time.
        job_at_rest: whether the job that gave it has ended: a delivery that is under way is nobody's to erase.
    """
    match result.status:
        case ResultStatus.EXPIRING:
            return True
        case ResultStatus.DELIVERED:
            return is_over(result.delivered_at, retention.result_days, now)
        case ResultStatus.UNDER_WAY:
            return job_at_rest and is_over(result.created_at, retention.undelivered_result_days, now)
        case ResultStatus.REPLACED if result.delivered_at is not None:
            return is_over(result.delivered_at, retention.result_days, now)
        case ResultStatus.REPLACED:
            return job_at_rest and is_over(result.created_at, retention.undelivered_result_days, now)
        case _:
            return False


def files_of_its_own(result: Result, others: Iterable[Result]) -> tuple[DeliveredFile, ...]:
    """The files of a result that none has put there anew which can be fetched, or is being delivered.

    Args:
        result: whose.
        others: what was delivered to the same folder.
    """
    taken = {file.name for one in others if one.status in _THERE for file in files_of(one)}
    return tuple(file for file in files_of(result) if file.name not in taken)


_THERE = frozenset({ResultStatus.DELIVERED, ResultStatus.UNDER_WAY})


class Ended(Protocol):
    """The record of a job."""

    @property
    def status(self) -> StrEnum: ...
    @property
    def updated_at(self) -> datetime: ...


GONE = frozenset({"INACTIVE", "CREATE_FAILED", "FAILED", "CANCELLED", "TIMED_OUT"})
"""Statuses in which a job has ended and left nothing."""
HELD = frozenset({ResultStatus.DELIVERED, ResultStatus.UNDER_WAY, ResultStatus.EXPIRING})
"""Statuses of a result whose files may be there."""


def may_be_removed(record: Ended, results: Iterable[Result], retention: Retention, now: datetime) -> bool:
    """Whether the record of a job, with its events, is to be removed: it is over and nothing rests on it."""
    if record.status.value not in GONE or not is_over(record.updated_at, retention.record_days, now):
        return False
    if isinstance(record, ProtectedQuery) and (record.privacy_bill or record.ml_input_channel_arn):
        return False
    return not any(result.status in HELD for result in results)
