"""Protected queries: SQL that runs for a member, or fills an ML input channel.

A channel drives the query that fills it (controllers/ml_input_channels.py); a member's own goes
through the states below. Operations: operations/cleanrooms/protected_queries.py. Controller:
controllers/protected_queries.py. Where its rows go: domain/resources/query_results.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.lifecycle import Event, Lifecycle
from whiteroom.domain.execution.queries import QueryFailure, QueryObservation
from whiteroom.domain.execution.query_runs import PAYER_GONE, follow_query
from whiteroom.domain.execution.steps import WAIT, Effect, Failure, Step, failed
from whiteroom.domain.privacy.differential_privacy import bill_of
from whiteroom.domain.privacy.judgements import kept


class ProtectedQueryStatus(StrEnum):
    """ProtectedQueryStatus, in the model's order."""

    SUBMITTED = "SUBMITTED"
    """Recorded, and not begun."""
    STARTED = "STARTED"
    """Being judged, run, paid for or delivered."""
    CANCELLED = "CANCELLED"
    """Taken back, and ended."""
    CANCELLING = "CANCELLING"
    """Taken back, and not yet ended."""
    FAILED = "FAILED"
    """Ended without a result."""
    SUCCESS = "SUCCESS"
    """Ended, its result delivered."""
    TIMED_OUT = "TIMED_OUT"
    """Ended at its limit of time."""


LIFECYCLE: Lifecycle[ProtectedQueryStatus] = Lifecycle(
    resource="protected query",
    initial=ProtectedQueryStatus.SUBMITTED,
    table={
        ProtectedQueryStatus.SUBMITTED: {
            Event.STARTED: ProtectedQueryStatus.STARTED,
            Event.FAILED: ProtectedQueryStatus.FAILED,
            Event.CANCEL: ProtectedQueryStatus.CANCELLING,
        },
        ProtectedQueryStatus.STARTED: {
            Event.SUCCEEDED: ProtectedQueryStatus.SUCCESS,
            Event.FAILED: ProtectedQueryStatus.FAILED,
            Event.EXPIRED: ProtectedQueryStatus.TIMED_OUT,
            Event.CANCEL: ProtectedQueryStatus.CANCELLING,
        },
        ProtectedQueryStatus.CANCELLING: {
            Event.STOPPED: ProtectedQueryStatus.CANCELLED,
            Event.FAILED: ProtectedQueryStatus.FAILED,
        },
        ProtectedQueryStatus.CANCELLED: {},
        ProtectedQueryStatus.FAILED: {},
        ProtectedQueryStatus.SUCCESS: {},
        ProtectedQueryStatus.TIMED_OUT: {},
    },
)

UNDER_WAY = tuple(status for status in ProtectedQueryStatus if not LIFECYCLE.at_rest(status))
"""What counts as a concurrent query."""


@dataclass(frozen=True, slots=True)
class ProtectedQuery:
    """One query of a member."""

    id: str
    arn: str
    """Ours, for the audit trail: AWS gives protected queries none."""
    membership_id: str
    membership_arn: str
    collaboration_id: str
    account_id: str
    ml_input_channel_arn: str | None
    """The channel that its rows go into, and nowhere else; None for a member's own query."""
    sql_parameters: Mapping[str, Any]
    result_configuration: Mapping[str, Any] | None
    """ProtectedQueryResultConfiguration, as asked for."""
    result_format: str | None
    """ResultFormat of what is delivered; None where nothing is."""
    single_file: bool
    receivers: tuple[Mapping[str, Any], ...]
    """`accountId`, and `s3` where the querier names its own place; every other's is looked up at delivery."""
    compute_configuration: Mapping[str, Any] | None
    payer_account_id: str | None
    named_associations: tuple[str, ...] | None
    """Ids of the table associations that the text names: the query sees no others. None in older records."""
    charged_associations: tuple[str, ...]
    """Those of them whose access budget was reduced when the query was asked for."""
    read_associations: tuple[str, ...]
    """Ids of those that it read; empty until its rows were delivered, and for a channel's (which has its own)."""
    deliveries: tuple[Mapping[str, Any], ...]
    """What was delivered: `accountId`, and `location`."""
    status: ProtectedQueryStatus
    status_code: str | None
    """From domain/execution/failures.py; members see `error_code_of`."""
    status_message: str | None
    revision: int
    """Counts the writes; each write names the revision it saw (ports.Stale)."""
    started_at: datetime | None
    created_at: datetime
    updated_at: datetime
    """Of an ended query, its end."""
    privacy_bill: Mapping[str, Any] | None = None
    """What it was charged of a budget of differential privacy (differential_privacy.Bill); None where nothing was."""
    privacy_parameters: tuple[Mapping[str, Any], ...] = ()
    """DifferentialPrivacySensitivityParameters of what was delivered."""
    measures: Mapping[str, Any] | None = None
    """What metrics show of it (analysis_metrics.measures); None before it gave rows."""
    restarts: int = 0
    """How often its process was gone and it was started again; a channel's query is counted by its channel."""
    judgement: Mapping[str, Any] | None = None
    """domain/query_facts.Judgement of what was delivered or dropped; None before that, and for a channel's."""
    unread: Mapping[str, Any] | None = None
    """Why it could not read tables, by the ids of their associations: each for the table's owner alone."""


@dataclass(frozen=True, slots=True)
class ProtectedQuerySummary:
    """What lists show of a query: not its text, which may have 500,000 characters."""

    id: str
    membership_id: str
    membership_arn: str
    ml_input_channel_arn: str | None
    receivers: tuple[Mapping[str, Any], ...]
    payer_account_id: str | None
    status: ProtectedQueryStatus
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What besides the query itself decides what becomes of it."""

    member_active: bool
    """Whether the membership that asked for it still is ACTIVE."""
    payer_active: bool
    """Whether the member that pays for the query is still there."""
    halt: Failure | None = None
    """Why it may not go on, where an owner or the operator has ended it."""


def plan(  # noqa: PLR0911 - one row for each status
    query: ProtectedQuery, seen: QueryObservation, now: datetime, around: Surroundings
) -> Step:
    """The next step for a member's own query. Pure: the same arguments give the same step."""
    match query.status:
        case ProtectedQueryStatus.STARTED | ProtectedQueryStatus.CANCELLING if owes(query, seen):
            return Step(Effect.PAY, due_at=now)
        case ProtectedQueryStatus.SUBMITTED | ProtectedQueryStatus.STARTED if not around.member_active:
            return failed(StatusCode.MEMBERSHIP_ENDED)
        case ProtectedQueryStatus.SUBMITTED | ProtectedQueryStatus.STARTED if not around.payer_active:
            return failed(StatusCode.MEMBERSHIP_ENDED, PAYER_GONE)
        case ProtectedQueryStatus.SUBMITTED | ProtectedQueryStatus.STARTED if around.halt is not None:
            return failed(around.halt.code, around.halt.message, **_read(seen))
        case ProtectedQueryStatus.SUBMITTED:
            return Step(Effect.START, Event.STARTED, changes={"started_at": now})
        case ProtectedQueryStatus.STARTED if seen.result is not None:
            return Step(Effect.DELIVER, Event.SUCCEEDED)
        case ProtectedQueryStatus.STARTED if seen.failure is QueryFailure.TIMEOUT:
            said = {"status_code": StatusCode.QUERY_TIMED_OUT.value, "status_message": seen.message}
            return Step(event=Event.EXPIRED, changes=said, reason=seen.message)
        case ProtectedQueryStatus.STARTED:
            step = follow_query(seen, query.restarts)
            return replace(step, changes={**step.changes, "unread": seen.for_owners}) if seen.for_owners else step
        case ProtectedQueryStatus.CANCELLING:
            return Step(Effect.STOP, Event.STOPPED)
        case _:
            return WAIT


def _read(seen: QueryObservation) -> dict[str, object]:
    """What the record keeps of how the query was judged."""
    if seen.judgement is None:
        return {}
    return {"read_associations": seen.judgement.association_ids, "judgement": kept(seen.judgement)}


def owes(query: ProtectedQuery, seen: QueryObservation) -> bool:
    """Whether the query's bill is not paid yet. One that was started again under another policy has another bill."""
    return seen.bill is not None and seen.bill != bill_of(query.privacy_bill)


_ERROR_CODES: Mapping[StatusCode, str] = {
    StatusCode.QUERY_REFUSED: "MALFORMED_QUERY",
    StatusCode.QUERY_INVALID: "MALFORMED_QUERY",
    StatusCode.UNSUPPORTED: "MALFORMED_QUERY",
    StatusCode.DATA_ERROR: "INVALID_RESOURCE",
    StatusCode.QUERY_RESOURCES_EXCEEDED: "INSUFFICIENT_COMPUTE",
    StatusCode.QUERY_TIMED_OUT: "INSUFFICIENT_COMPUTE",
    StatusCode.PRIVACY_BUDGET_SPENT: "RESOURCE_ACCESS_DENIED",
    StatusCode.RECEIVER_NOT_READY: "RESOURCE_ACCESS_DENIED",
    StatusCode.DELIVERY_FAILED: "RESOURCE_ACCESS_DENIED",
    StatusCode.MEMBERSHIP_ENDED: "RESOURCE_ACCESS_DENIED",
    StatusCode.REVOKED_BY_OWNER: "RESOURCE_ACCESS_DENIED",
    StatusCode.STOPPED_BY_OPERATOR: "RESOURCE_ACCESS_DENIED",
    StatusCode.PLATFORM_ERROR: "INTERNAL_ERROR",
}
"""ProtectedQueryError.code by ours; any other is UNKNOWN_ERROR."""


def error_code_of(status_code: str) -> str:
    """The category of a failure, as ProtectedQueryError names it."""
    return _ERROR_CODES.get(StatusCode(status_code), "UNKNOWN_ERROR")


def may_succeed_again(status_code: str) -> bool:
    """RetryInfo.retryable: whether the same request might succeed without anybody changing anything."""
    return StatusCode(status_code) is StatusCode.PLATFORM_ERROR


def query_arn(membership_arn: str, query_id: str) -> str:
    """What the audit trail calls a query: AWS gives it no ARN."""
    return f"{membership_arn}/protectedquery/{query_id}"
