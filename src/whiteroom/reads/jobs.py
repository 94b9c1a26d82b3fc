"""All members' work, as the operator sees it: whose it is and how it is, and nothing that a member wrote but names.

Each kind's records are read as views: what a view does not name is not read, much less shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from heapq import nlargest
from typing import Any

from whiteroom.domain.execution.lifecycle import Lifecycle
from whiteroom.domain.observability.metrics import SYSTEM_METRICS, MetricKind
from whiteroom.domain.resources import (
    ml_input_channels,
    protected_queries,
    trained_model_export_jobs,
    trained_model_inference_jobs,
    trained_models,
)
from whiteroom.ports.repositories import Page, PageKey
from whiteroom.ports.store import Work
from whiteroom.ports.transaction import Transaction


class Standing(StrEnum):
    """How work is, over all kinds."""

    UNDER_WAY = "under way"
    """It waits for its turn or its next try, or runs, or ends."""
    FAILED = "failed"
    """It ended otherwise than it was meant to."""


@dataclass(frozen=True, slots=True)
class Job:
    """One query, channel, training, inference job or export."""

    kind: Work
    id: str
    arn: str
    name: str
    """Its id, where it has no name."""
    account_id: str
    payer_account_id: str
    """Where nobody else was named, the account's own."""
    collaboration_id: str
    collaboration_name: str
    status: str
    status_code: str | None
    """Of those that Whiteroom itself knows (domain/execution/failures.py)."""
    created_at: datetime
    updated_at: datetime
    run_started_at: datetime | None
    usage: tuple[tuple[str, str, float], ...]
    """Of a run that goes on: an instance, what of SYSTEM_METRICS, and the last value, in percent."""


@dataclass(frozen=True, slots=True)
class JobCount:
    """How many of one kind have one status."""

    kind: Work
    status: str
    number: int
    is_cut: bool
    """Whether there are more: they are not counted further."""


def jobs(tx: Transaction, standing: Standing, limit: int, after: PageKey | None) -> Page[Job]:
    """At most `limit` of those that stand so, of all kinds together; the newest first, paged by key.

    A page can be shorter than `limit` where others follow.
    """
    found = [
        (view.created_at, view.id, kind, view)
        for kind, of in _KINDS.items()
        for status in _statuses(of.lifecycle, standing)
        for view in getattr(tx, kind.value).page_as(of.view, limit + 1, after, status=status).items
    ]
    first = nlargest(limit + 1, found, key=lambda one: one[:2])
    following = PageKey(first[limit - 1][0], first[limit - 1][1]) if len(first) > limit else None
    # The query of a channel is the channel's work.
    shown = [one for one in first[:limit] if not (isinstance(one[3], _Query) and one[3].ml_input_channel_arn)]
    names: dict[str, str] = {}
    for *_, view in shown:
        if view.collaboration_id not in names:
            collaboration = tx.collaborations.get(view.collaboration_id)
            names[view.collaboration_id] = "" if collaboration is None else collaboration.name
    items = tuple(_job(tx, kind, view, names[view.collaboration_id]) for *_, kind, view in shown)
    return Page(items, following)


def job_counts(tx: Transaction, up_to: int) -> tuple[JobCount, ...]:
    """How many of each kind are under way, by status; counted no further than `up_to`."""
    counts = []
    for kind, of in _KINDS.items():
        for status in _statuses(of.lifecycle, Standing.UNDER_WAY):
            number = getattr(tx, kind.value).count(up_to + 1, status=status)
            if number:
                counts.append(JobCount(kind, str(status), min(number, up_to), number > up_to))
    return tuple(counts)


def _statuses(lifecycle: Lifecycle[Any], standing: Standing) -> Iterable[StrEnum]:
    for status in lifecycle.table:
        has_failed = status.value.endswith("FAILED") or status.value == "TIMED_OUT"
        if has_failed if standing is Standing.FAILED else not (has_failed or lifecycle.at_rest(status)):
            yield status


def _job(tx: Transaction, kind: Work, view: Any, collaboration_name: str) -> Job:
    name = getattr(view, "name", view.id)
    started = getattr(view, "run_started_at", None)
    return Job(
        kind=kind,
        id=view.id,
        arn=getattr(view, "arn", None) or view.trained_model_arn,
        name=name,
        account_id=view.account_id,
        payer_account_id=getattr(view, "payer_account_id", None) or view.account_id,
        collaboration_id=view.collaboration_id,
        collaboration_name=collaboration_name,
        status=view.status.value,
        status_code=view.status_code,
        created_at=view.created_at,
        updated_at=view.updated_at,
        run_started_at=started,
        usage=_usage(tx, view.id) if view.status.value.endswith("IN_PROGRESS") and started is not None else (),
    )


def _usage(tx: Transaction, resource_id: str) -> tuple[tuple[str, str, float], ...]:
    """What its instances took when that was last looked at: the system's metrics, and never a program's own."""
    return tuple(
        (one.host, one.name, one.last_value)
        for one in tx.metrics.series(resource_id)
        if one.kind is MetricKind.SYSTEM and one.name in SYSTEM_METRICS
    )


@dataclass(frozen=True, slots=True)
class _Query:
    id: str
    arn: str
    account_id: str
    collaboration_id: str
    ml_input_channel_arn: str | None
    payer_account_id: str | None
    status: protected_queries.ProtectedQueryStatus
    status_code: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class _Channel:
    id: str
    arn: str
    name: str
    account_id: str
    collaboration_id: str
    status: ml_input_channels.Status
    status_code: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class _Model:
    id: str
    arn: str
    name: str
    account_id: str
    collaboration_id: str
    payer_account_id: str | None
    run_started_at: datetime | None
    status: trained_models.Status
    status_code: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class _Inference:
    id: str
    arn: str
    name: str
    account_id: str
    collaboration_id: str
    payer_account_id: str | None
    run_started_at: datetime | None
    status: trained_model_inference_jobs.Status
    status_code: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class _Export:
    id: str
    name: str
    account_id: str
    collaboration_id: str
    trained_model_arn: str
    status: trained_model_export_jobs.Status
    status_code: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is read of one kind's records, and which statuses they have."""

    view: type[Any]
    lifecycle: Lifecycle[Any]


_KINDS = {
    Work.PROTECTED_QUERIES: _Kind(_Query, protected_queries.LIFECYCLE),
    Work.ML_INPUT_CHANNELS: _Kind(_Channel, ml_input_channels.LIFECYCLE),
    Work.TRAINED_MODELS: _Kind(_Model, trained_models.LIFECYCLE),
    Work.TRAINED_MODEL_INFERENCE_JOBS: _Kind(_Inference, trained_model_inference_jobs.LIFECYCLE),
    Work.TRAINED_MODEL_EXPORT_JOBS: _Kind(_Export, trained_model_export_jobs.LIFECYCLE),
}
