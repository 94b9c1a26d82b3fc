"""Every table: those of records, made of what ports/transaction.py declares, and what is beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from whiteroom.domain.observability.analysis_logs import AnalysisLogEvent
from whiteroom.domain.observability.metrics import MetricReading
from whiteroom.ports.transaction import KINDS, Kind
from whiteroom.store.codec import RecordCodec
from whiteroom.store.sealed import sealed_columns

metadata = sa.MetaData()

_ENDED = ("INACTIVE", "CREATE_FAILED")
"""Statuses that free a resource's name (docs/sources.md, Where AWS is silent)."""


@dataclass(frozen=True, slots=True)
class RecordTable:
    """The table of one kind of record."""

    kind: Kind[Any]
    codec: RecordCodec[Any]
    table: sa.Table


def _table_of(kind: Kind[Any]) -> RecordTable:
    """A column for each field, and an index for each search.

    An index is continued by (created_at, id), so that a page of a list costs the same wherever it is.
    """
    codec: RecordCodec[Any] = RecordCodec(kind.record, sealed_columns(kind.name))
    table = sa.Table(kind.name, metadata, *codec.columns)
    for fields in kind.searches:
        tail = [column for column in ("created_at", "id") if column not in fields]
        sa.Index(f"ix_{kind.name}_{'_'.join(fields) or 'all'}", *(table.c[column] for column in (*fields, *tail)))
    for fields in kind.unique:
        sa.Index(f"uq_{kind.name}_{'_'.join(fields)}", *(table.c[column] for column in fields), unique=True)
    for fields in kind.unique_while_live:
        live = table.c.status.notin_(_ENDED)
        index = f"uq_{kind.name}_{'_'.join(fields)}_live"
        sa.Index(index, *(table.c[column] for column in fields), unique=True, sqlite_where=live, postgresql_where=live)
    return RecordTable(kind, codec, table)


RECORDS: Mapping[str, RecordTable] = {kind.name: _table_of(kind) for kind in KINDS}
"""By the name of the kind."""

work = sa.Table(
    "work",
    metadata,
    # What a controller has to look at: one row per record that is not at rest, or that expires.
    sa.Column("id", sa.Text, primary_key=True),  # kind/record
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("record_id", sa.Text, nullable=False),
    sa.Column("due_at", sa.BigInteger, nullable=False),
    sa.Column("lease_owner", sa.Text),
    sa.Column("lease_expires_at", sa.BigInteger),
    sa.Index("ix_work_due_at", "due_at", "id"),
)

events = sa.Table(
    "events",
    metadata,
    # The audit trail: written with every transition, in its transaction, and never changed.
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("arn", sa.Text, nullable=False),
    sa.Column("record_id", sa.Text, nullable=False),
    sa.Column("revision", sa.BigInteger, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("from_status", sa.Text),
    sa.Column("to_status", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("user", sa.Text),
    sa.Column("principal", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("ix_events_arn", "arn", "seq"),
)

ANALYSIS_LOG_EVENTS: RecordCodec[AnalysisLogEvent] = RecordCodec(
    AnalysisLogEvent, sealed_columns("analysis_log_events")
)
analysis_log_events = sa.Table(
    "analysis_log_events",
    metadata,
    # Each is written in the transaction of what it describes, and never changed.
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=True),
    *(sa.Column(column.name, column.type, nullable=False) for column in ANALYSIS_LOG_EVENTS.columns),
    sa.Index("uq_analysis_log_events_id", "id", unique=True),
    sa.Index("ix_analysis_log_events_analysis_id", "analysis_id", "stage"),
    sa.Index("ix_analysis_log_events_stream", "account_id", "collaboration_id", "stream", "place"),
    sa.Index("ix_analysis_log_events_at", "account_id", "collaboration_id", "stream", "at"),
)

secrets = sa.Table(
    "secrets",
    metadata,
    # The server's own, by name (secrets.py).
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

tags = sa.Table(
    "tags",
    metadata,
    sa.Column("arn", sa.Text, primary_key=True),
    sa.Column("tags", sa.Text, nullable=False),
)

READINGS: RecordCodec[MetricReading] = RecordCodec(MetricReading)
metric_readings = sa.Table("metric_readings", metadata, *READINGS.columns)

metric_series = sa.Table(
    "metric_series",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("resource_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("stride", sa.BigInteger, nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("minimum", sa.Double, nullable=False),
    sa.Column("maximum", sa.Double, nullable=False),
    sa.Column("last_at_ms", sa.BigInteger, nullable=False),
    sa.Column("last_value", sa.Double, nullable=False),
    sa.Index("uq_metric_series", "resource_id", "kind", "name", "host", unique=True),
)

metric_points = sa.Table(
    "metric_points",
    metadata,
    # The key is the row: a point takes some 25 bytes, and a range of time is read in order from one place.
    sa.Column("series_id", sa.Integer, primary_key=True),
    sa.Column("at_ms", sa.BigInteger, primary_key=True),
    sa.Column("step", sa.BigInteger, primary_key=True),
    sa.Column("value", sa.Double, nullable=False),
    sqlite_with_rowid=False,
)
