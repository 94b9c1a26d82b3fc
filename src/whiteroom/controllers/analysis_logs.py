"""Writes analysis logs when analyses end, however they end, in the same transaction.

Who reads what: domain/observability/analysis_logs.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from whiteroom.domain.observability.analysis_ends import Ending, access_of, ending_of
from whiteroom.domain.observability.analysis_logs import LogStage, termination
from whiteroom.domain.privacy.judgements import judgement_in
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.domain.resources.trained_model_export_jobs import TrainedModelExportJob
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.deliveries import failure_message_for


def log_end(tx: Transaction, record: Any, now: datetime) -> None:
    """Write the TERMINATION of an analysis that has just ended, for everyone who has its SUBMISSION.

    Does nothing for a record that goes on, or whose end is written already: what becomes of a model or of a channel's
    rows afterwards is no end of the analysis.
    """
    end = ending_of(record)
    analysis_id = record.protected_query_id if isinstance(record, MLInputChannel) else record.id
    if end is None or tx.analysis_logs.of(analysis_id, LogStage.TERMINATION):
        return
    submitted = tx.analysis_logs.of(analysis_id, LogStage.SUBMISSION)
    if not submitted:
        return
    started, read = _read(tx, record, end, tuple(table["associationId"] for table in submitted[0].message["tables"]))
    access = access_of(record, end, started=started, read=read)
    columns = _columns(record)
    query = tx.protected_queries.get(analysis_id) if not isinstance(record, ProtectedQuery) else record
    unread = (query.unread if query is not None else None) or {}
    tx.analysis_logs.add(
        termination(event, _end_told_to(tx, event.account_id, analysis_id, end), access, columns, now, unread)
        for event in submitted
    )


def _end_told_to(tx: Transaction, account_id: str, job_id: str, end: Ending) -> Ending:
    return replace(end, message=failure_message_for(tx, job_id, account_id, end.code, end.message))


def _columns(record: Any) -> Mapping[str, Sequence[str]]:
    """The columns that a query is known to have read, by association; nothing of jobs, which read whole channels."""
    judgement = judgement_in(getattr(record, "judgement", None))
    if judgement is None:
        return {}
    of = judgement.facts.columns
    return {table.association_id: sorted(of.get(table.name, ())) for table in judgement.tables}


def _read(tx: Transaction, record: Any, end: Ending, named: tuple[str, ...]) -> tuple[bool, tuple[str, ...]]:
    """Whether anything ran, and the tables that are known to have been read."""
    if isinstance(record, ProtectedQuery):
        return record.started_at is not None, record.read_associations
    if isinstance(record, MLInputChannel):
        query = tx.protected_queries.get(record.protected_query_id)
        return query is not None and query.started_at is not None, record.source_associations
    if isinstance(record, TrainedModelExportJob):
        return end.code is None, named if end.code is None else ()
    # A run has its rows from its beginning on.
    started = record.run_started_at is not None
    return started, named if started else ()
