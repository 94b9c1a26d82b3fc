"""ML input channels: rows that a protected query made, for one algorithm to learn from.

Operations: operations/cleanrooms_ml/ml_input_channels.py. Controller: controllers/ml_input_channels.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from whiteroom.domain.execution.failures import OF_SYNTHESIS_FAILURE, StatusCode
from whiteroom.domain.execution.lifecycle import Event, Lifecycle
from whiteroom.domain.execution.queries import QueryObservation, QueryResult, ResultFormat
from whiteroom.domain.execution.query_runs import PAYER_GONE, RESTARTS_ALLOWED, follow_query
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.execution.steps import WAIT, Effect, Failure, Step, failed
from whiteroom.domain.execution.synthetic_data import NO_SYNTHESIS, SynthesisObservation
from whiteroom.domain.privacy.judgements import kept
from whiteroom.domain.privacy.query_facts import Judgement


class Status(StrEnum):
    """MLInputChannelStatus, in the model's order."""

    CREATE_PENDING = "CREATE_PENDING"
    """Recorded, and not begun."""
    CREATE_IN_PROGRESS = "CREATE_IN_PROGRESS"
    """Its query runs, or its synthetic rows are being made."""
    CREATE_FAILED = "CREATE_FAILED"
    """Ended without rows."""
    ACTIVE = "ACTIVE"
    """Its rows can be read."""
    DELETE_PENDING = "DELETE_PENDING"
    """Its rows are to be erased."""
    DELETE_IN_PROGRESS = "DELETE_IN_PROGRESS"
    """Its rows are being erased."""
    DELETE_FAILED = "DELETE_FAILED"
    """Its rows could not be erased."""
    INACTIVE = "INACTIVE"
    """Its rows are gone: deleted, or over their retention."""


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
    synthetic_data_parameters: Mapping[str, Any] | None
    """SyntheticDataParameters of the template; None: the rows are the query's own."""
    synthesis: Mapping[str, Any] | None
    """domain/synthetic_data.SynthesisCost of rows that were made, kept or not."""
    kms_key_arn: str | None
    protected_query_id: str
    source_associations: tuple[str, ...]
    """Ids of the configured table associations that the query read; empty until it has run."""
    judgement: Mapping[str, Any] | None
    """domain/query_facts.Judgement of the query; None until it has run, and in records of earlier releases."""
    number_of_records: int | None
    number_of_files: int | None
    size_bytes: int | None
    expires_at: datetime | None
    """When the rows are erased; set when the channel becomes ACTIVE."""
    status: Status
    status_code: str | None
    """statusDetails.statusCode, from domain/execution/failures.py."""
    status_message: str | None
    revision: int
    """Counts the writes; each write names the revision it saw (ports.Stale)."""
    created_at: datetime
    updated_at: datetime
    restarts: int = 0
    """How often the query was started again."""
    syntheses_begun: int = 0
    """How often synthetic rows were begun to be made."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What besides the query itself decides what becomes of a channel."""

    member_active: bool
    """Whether the membership that asked for the channel still is ACTIVE."""
    payer_active: bool
    """Whether the member that pays for the query is still there."""
    in_use: bool
    """Whether a training or an inference job that is under way reads the channel."""
    halt: Failure | None = None
    """Why it may not go on, where an owner or the operator has ended it."""
    synthesis: SynthesisObservation = NO_SYNTHESIS


def plan(  # noqa: PLR0911 - one row for each status
    channel: MLInputChannel, seen: QueryObservation, now: datetime, around: Surroundings
) -> Step:
    """The next step for this channel. Pure: the same arguments give the same step."""
    match channel.status:
        case Status.CREATE_PENDING | Status.CREATE_IN_PROGRESS if not around.member_active:
            return failed(StatusCode.MEMBERSHIP_ENDED)
        case Status.CREATE_PENDING | Status.CREATE_IN_PROGRESS if not around.payer_active:
            return failed(StatusCode.MEMBERSHIP_ENDED, PAYER_GONE)
        case Status.CREATE_PENDING | Status.CREATE_IN_PROGRESS if around.halt is not None:
            return failed(around.halt.code, around.halt.message, **_read(seen.judgement))
        case Status.CREATE_PENDING:
            return Step(Effect.START, Event.STARTED)
        case Status.CREATE_IN_PROGRESS:
            return _follow_query(channel, seen, now, around)
        case Status.ACTIVE if channel.expires_at is not None and channel.expires_at <= now:
            return Step(event=Event.EXPIRED, reason=f"The {channel.retention_in_days} days of retention are over.")
        case Status.ACTIVE:
            return Step(due_at=channel.expires_at)
        case Status.DELETE_PENDING if around.in_use:
            # A run at AWS works on a copy of its own, and a deleted channel does not break it; ours reads the folder.
            return WAIT
        case Status.DELETE_PENDING:
            return Step(event=Event.ERASING)
        case Status.DELETE_IN_PROGRESS:
            return Step(Effect.ERASE, Event.ERASED)
        case _:
            return WAIT


def _follow_query(channel: MLInputChannel, seen: QueryObservation, now: datetime, around: Surroundings) -> Step:
    if seen.result is None:
        return follow_query(seen, channel.restarts)
    if channel.synthetic_data_parameters is not None:
        return _follow_synthesis(channel, seen.result, seen.judgement, now, around)
    return _filled(channel, seen.result, now, seen.judgement)


def _follow_synthesis(
    channel: MLInputChannel, real: QueryResult, judgement: Judgement | None, now: datetime, around: Surroundings
) -> Step:
    """The next step for a channel whose query has its rows: of synthetic ones alone is it made up."""
    synthesis = around.synthesis
    cost = {} if synthesis.cost is None else {"synthesis": asdict(synthesis.cost)}
    if synthesis.phase is Phase.RUNNING:
        return WAIT
    if synthesis.failure is not None:
        return failed(OF_SYNTHESIS_FAILURE[synthesis.failure], synthesis.message, **cost)
    if synthesis.result is not None and synthesis.cost is not None:
        made = replace(
            real, rows=synthesis.result.rows, files=synthesis.result.files, size_bytes=synthesis.result.size_bytes
        )
        step = _filled(channel, made, now, judgement)
        if step.event is not Event.SUCCEEDED:
            return replace(step, changes={**step.changes, **cost})
        # The model's score has no place for its interval.
        scored = {**cost, "status_message": synthesis.cost.interval}
        return replace(step, effect=Effect.DISCARD, changes={**step.changes, **scored}, reason=synthesis.cost.remark)
    if channel.syntheses_begun > RESTARTS_ALLOWED:
        return failed(
            StatusCode.PLATFORM_ERROR,
            f"What makes synthetic rows died {channel.syntheses_begun} times without a word; the operator's log has "
            "the rest.",
        )
    return Step(
        Effect.SYNTHESISE,
        changes={"syntheses_begun": channel.syntheses_begun + 1},
        reason="The query has its rows; synthetic ones are made of them.",
    )


def _filled(channel: MLInputChannel, result: QueryResult, now: datetime, judgement: Judgement | None) -> Step:
    if judgement is None:
        return failed(StatusCode.PLATFORM_ERROR, "How the query was judged is not known any more. Try again.")
    expires_at = now + timedelta(days=channel.retention_in_days)
    changes = {
        **_read(judgement),
        "number_of_records": result.rows,
        "number_of_files": len(result.files),
        "size_bytes": result.size_bytes,
        "expires_at": expires_at,
    }
    return Step(Effect.KEEP, Event.SUCCEEDED, changes=changes, due_at=expires_at)


def _read(judgement: Judgement | None) -> dict[str, object]:
    """What the record keeps of how the query was judged."""
    if judgement is None:
        return {}
    return {"source_associations": judgement.association_ids, "judgement": kept(judgement)}


def result_format(input_channel: Mapping[str, Any]) -> ResultFormat:
    """What an InputChannel asked for; CSV where it says nothing."""
    return ResultFormat(input_channel["dataSource"]["protectedQueryInputParameters"].get("resultFormat", "CSV"))
