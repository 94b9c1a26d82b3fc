"""What else the runner can read of a query: analysis logs, and metrics of analyses, as the product tells them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from support.rules import OWNER, QUERIER
from support.worlds.records import a_query
from whiteroom.controllers.analysis_logs import _columns
from whiteroom.domain.execution.queries import QueryFailure, QueryObservation, QueryResult
from whiteroom.domain.execution.runs import Phase
from whiteroom.domain.observability.analysis_ends import access_of, ending_of
from whiteroom.domain.observability.analysis_logs import Analysis, Category, LoggedTable, submissions, termination
from whiteroom.domain.observability.analysis_metrics import MeasuredQuery, measures, series_of
from whiteroom.domain.privacy.judgements import kept
from whiteroom.domain.privacy.query_facts import Judgement
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.resources.protected_queries import ProtectedQuery, ProtectedQueryStatus, Surroundings, plan

_BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
_ENDED = _BEGAN + timedelta(seconds=9)
"""Always the same: time is not compared."""


def told(
    tables: Sequence[QueryTable], judgement: Judgement, end: QueryResult | QueryFailure, message: str = ""
) -> tuple[str, ...]:
    """Every event of the runner's log and every metric that it reads, as text.

    Args:
        tables: those that the query reads.
        judgement: of the query.
        end: how it ended.
        message: where it failed, what is said of it.
    """
    record = _ended(tables, judgement, end, message)
    analysis = _analysis(tables, record)
    (submitted,) = submissions(analysis, [QUERIER], {}, _BEGAN, withhold_text=False)
    ending = ending_of(record)
    assert ending is not None
    access = access_of(record, ending, started=True, read=record.read_associations)
    events = (submitted, termination(submitted, ending, access, _columns(record), _ENDED))
    measured = MeasuredQuery(**{field.name: getattr(record, field.name) for field in fields(MeasuredQuery)})
    metrics = (f"{name} of {of}: {points}" for (name, of), points in series_of([measured]).items())
    return (*(json.dumps(event.message, sort_keys=True) for event in events), *sorted(metrics))


def _ended(
    tables: Sequence[QueryTable], judgement: Judgement, end: QueryResult | QueryFailure, message: str
) -> ProtectedQuery:
    """The record of a query as the controller leaves it."""
    asked = a_query(status=ProtectedQueryStatus.STARTED, started_at=_BEGAN, created_at=_BEGAN, updated_at=_ENDED)
    if isinstance(end, QueryResult):
        return replace(
            asked,
            status=ProtectedQueryStatus.SUCCESS,
            read_associations=judgement.association_ids,
            judgement=kept(judgement),
            privacy_parameters=end.privacy,
            measures=measures(end.rows, end.size_bytes, end.use, tables),
        )
    seen = QueryObservation(Phase.ENDED, None, end, message, judgement=judgement)
    step = plan(asked, seen, _ENDED, Surroundings(member_active=True, payer_active=True))
    assert step.failure is not None
    changes: dict[str, Any] = {
        "status_code": step.failure.code.value,
        "status_message": step.failure.message,
        **step.changes,
    }
    return replace(asked, status=ProtectedQueryStatus.FAILED, **changes)


def _analysis(tables: Sequence[QueryTable], record: ProtectedQuery) -> Analysis:
    named = tuple(
        LoggedTable(table.association_id, table.name, table.owner_account_id, f"ct-{table.name}", table.rule_type)
        for table in tables
    )
    return Analysis(
        id=record.id,
        category=Category.SQL,
        collaboration_id=record.collaboration_id,
        runner_account_id=QUERIER,
        runner_user="analyst",
        runner_arn=f"arn:aws:iam::{QUERIER}:user/analyst",
        tables=named,
        receiver_account_ids=(QUERIER, OWNER),
        about={},
        text=record.sql_parameters["queryString"],
    )
