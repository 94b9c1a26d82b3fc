"""How analyses end, as analysis logs describe it, and what had been done with each table by then (decision 0025)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from whiteroom.domain.execution.failures import MEANING, StatusCode
from whiteroom.domain.resources import (
    ml_input_channels,
    protected_queries,
    trained_model_export_jobs,
    trained_model_inference_jobs,
    trained_models,
)


class End(StrEnum):
    """How an analysis ended, in the words of ProtectedQueryStatus; or that it was refused at once."""

    SUCCESS = "SUCCESS"
    """It gave what it was for."""
    FAILED = "FAILED"
    """It gave nothing, for a reason that has a statusCode."""
    CANCELLED = "CANCELLED"
    """A member took it back."""
    TIMED_OUT = "TIMED_OUT"
    """It was ended at its limit of time."""
    REFUSED = "REFUSED"
    """The request was refused, and nothing was recorded but this."""


class TableAccess(StrEnum):
    """What became of a table that an analysis names."""

    NAMED = "NAMED"
    """The analysis was asked for, and names it."""
    READ = "READ"
    """Its rows were read."""
    NOT_READ = "NOT_READ"
    """None of its rows was read."""
    MAY_HAVE_BEEN_READ = "MAY_HAVE_BEEN_READ"
    """The analysis had begun, and did not come to an end that says it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an analysis ended."""

    status: End
    code: str | None = None
    message: str | None = None


_ENDS: Mapping[type[StrEnum], Mapping[StrEnum, End]] = {
    protected_queries.ProtectedQueryStatus: {
        protected_queries.ProtectedQueryStatus.SUCCESS: End.SUCCESS,
        protected_queries.ProtectedQueryStatus.FAILED: End.FAILED,
        protected_queries.ProtectedQueryStatus.CANCELLED: End.CANCELLED,
        protected_queries.ProtectedQueryStatus.TIMED_OUT: End.TIMED_OUT,
    },
    ml_input_channels.Status: {
        ml_input_channels.Status.ACTIVE: End.SUCCESS,
        ml_input_channels.Status.CREATE_FAILED: End.FAILED,
    },
    trained_models.Status: {
        trained_models.Status.ACTIVE: End.SUCCESS,
        trained_models.Status.CREATE_FAILED: End.FAILED,
        trained_models.Status.INACTIVE: End.CANCELLED,
    },
    trained_model_inference_jobs.Status: {
        trained_model_inference_jobs.Status.ACTIVE: End.SUCCESS,
        trained_model_inference_jobs.Status.CREATE_FAILED: End.FAILED,
        trained_model_inference_jobs.Status.INACTIVE: End.CANCELLED,
    },
    trained_model_export_jobs.Status: {
        trained_model_export_jobs.Status.ACTIVE: End.SUCCESS,
        trained_model_export_jobs.Status.CREATE_FAILED: End.FAILED,
    },
}
"""The statuses in which an analysis has ended. What happens to its results afterwards is another matter."""


def ending_of(record: Any) -> Ending | None:
    """How the analysis of a record ended; None while it goes on.

    A program's own last words may contain rows, and are left out: for jobs the message says what the code means.
    """
    status = _ENDS[type(record.status)].get(record.status)
    if status is None:
        return None
    if status is End.SUCCESS or record.status_code is None:
        return Ending(status)
    code = StatusCode(record.status_code)
    of_query = isinstance(record, protected_queries.ProtectedQuery | ml_input_channels.MLInputChannel)
    if status is End.FAILED and of_query and code is StatusCode.QUERY_TIMED_OUT:
        status = End.TIMED_OUT
    return Ending(status, code.value, record.status_message if of_query else MEANING[code])


def access_of(record: Any, end: Ending, *, started: bool, read: Sequence[str]) -> Callable[[str], TableAccess]:
    """What became of each table of an ended analysis.

    Args:
        record: the analysis: a query, a channel, a training, an inference job or an export.
        end: how it ended.
        started: whether anything ran at all.
        read: ids of the associations that it is known to have read.
    """
    of_query = isinstance(record, protected_queries.ProtectedQuery | ml_input_channels.MLInputChannel)

    def access(association_id: str) -> TableAccess:
        if association_id in read:
            return TableAccess.READ
        if not started or end.status is End.SUCCESS or read or (of_query and end.code == StatusCode.QUERY_REFUSED):
            return TableAccess.NOT_READ
        return TableAccess.MAY_HAVE_BEEN_READ

    return access
