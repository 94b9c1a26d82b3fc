"""Every table: whose records it holds, what it is searched by, and what is unique in it.

Each search is a tuple of fields; its index is continued by (created_at, id), so that a list is
read in order from the index and a page costs the same wherever it lies. A search that no
index serves is refused when it is first written (repositories.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from whiteroom.domain.execution.lifecycle import Lifecycle
from whiteroom.domain.observability.analysis_logs import AnalysisLogEvent
from whiteroom.domain.observability.metrics import MetricReading
from whiteroom.domain.privacy.privacy_budgets import PrivacyBudgetTemplate
from whiteroom.domain.resources.accounts import AccessKey, Account, AssumableRole, User
from whiteroom.domain.resources.analysis_templates import AnalysisTemplate
from whiteroom.domain.resources.collaborations import Collaboration, Member
from whiteroom.domain.resources.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.resources.configured_model_algorithms import ConfiguredModelAlgorithm
from whiteroom.domain.resources.configured_table_associations import (
    ConfiguredTableAssociation,
    ConfiguredTableAssociationAnalysisRule,
)
from whiteroom.domain.resources.configured_tables import ConfiguredTable, ConfiguredTableAnalysisRule
from whiteroom.domain.resources.memberships import Membership
from whiteroom.domain.resources.ml_configurations import MLConfiguration
from whiteroom.domain.resources.ml_input_channels import LIFECYCLE as CHANNEL_LIFECYCLE
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.protected_queries import LIFECYCLE as QUERY_LIFECYCLE
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.domain.resources.trained_model_export_jobs import LIFECYCLE as EXPORT_LIFECYCLE
from whiteroom.domain.resources.trained_model_export_jobs import TrainedModelExportJob
from whiteroom.domain.resources.trained_model_inference_jobs import LIFECYCLE as INFERENCE_LIFECYCLE
from whiteroom.domain.resources.trained_model_inference_jobs import TrainedModelInferenceJob
from whiteroom.domain.resources.trained_models import LIFECYCLE as MODEL_LIFECYCLE
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.store.codec import RecordCodec

metadata = sa.MetaData()

_ENDED = ("INACTIVE", "CREATE_FAILED")
"""Statuses that free a resource's name (docs/sources.md, Where AWS is silent)."""


@dataclass(frozen=True, slots=True)
class RecordTable:
    """One kind of record and its table."""

    name: str
    codec: RecordCodec[Any]
    table: sa.Table
    searches: tuple[tuple[str, ...], ...]
    lifecycle: Lifecycle[Any] | None = None
    uniques: tuple[tuple[str, ...], ...] = field(default=())


def _record_table(
    name: str,
    record: type,
    *searches: tuple[str, ...],
    unique: tuple[tuple[str, ...], ...] = (),
    unique_while_live: tuple[tuple[str, ...], ...] = (),
    lifecycle: Lifecycle[Any] | None = None,
) -> RecordTable:
    codec: RecordCodec[Any] = RecordCodec(record)
    table = sa.Table(name, metadata, *codec.columns)
    for fields in searches:
        tail = [column for column in ("created_at", "id") if column not in fields]
        sa.Index(f"ix_{name}_{'_'.join(fields)}", *(table.c[column] for column in (*fields, *tail)))
    for fields in unique:
        sa.Index(f"uq_{name}_{'_'.join(fields)}", *(table.c[column] for column in fields), unique=True)
    for fields in unique_while_live:
        live = table.c.status.notin_(_ENDED)
        index = f"uq_{name}_{'_'.join(fields)}_live"
        sa.Index(index, *(table.c[column] for column in fields), unique=True, sqlite_where=live, postgresql_where=live)
    return RecordTable(name, codec, table, searches, lifecycle, unique)


RECORDS: Mapping[str, RecordTable] = {
    entry.name: entry
    for entry in (
        _record_table("accounts", Account),
        _record_table("users", User, ("account_id",), unique=(("account_id", "name"),)),
        _record_table("access_keys", AccessKey, ("account_id",), ("user_id",)),
        _record_table("roles", AssumableRole, ("account_id",), unique=(("account_id", "name"),)),
        _record_table("collaborations", Collaboration, ("creator_account_id", "status")),
        _record_table(
            "members",
            Member,
            ("collaboration_id",),
            ("account_id",),
            ("account_id", "status"),
            unique=(("collaboration_id", "account_id"),),
        ),
        _record_table("memberships", Membership, ("account_id",), ("account_id", "status"), ("collaboration_id",)),
        _record_table("configured_tables", ConfiguredTable, ("account_id",), unique=(("account_id", "name"),)),
        _record_table("configured_table_analysis_rules", ConfiguredTableAnalysisRule),
        _record_table(
            "configured_table_associations",
            ConfiguredTableAssociation,
            ("membership_id",),
            ("collaboration_id",),
            ("collaboration_id", "name_folded"),
            ("configured_table_id",),
            unique=(("collaboration_id", "name_folded"),),
        ),
        _record_table("configured_table_association_analysis_rules", ConfiguredTableAssociationAnalysisRule),
        _record_table(
            "analysis_templates",
            AnalysisTemplate,
            ("membership_id",),
            ("collaboration_id",),
            ("arn",),
            unique=(("membership_id", "name"),),
        ),
        _record_table(
            "protected_queries",
            ProtectedQuery,
            ("membership_id",),
            ("membership_id", "status"),
            lifecycle=QUERY_LIFECYCLE,
        ),
        _record_table(
            "privacy_budget_templates",
            PrivacyBudgetTemplate,
            ("membership_id",),
            ("membership_id", "type"),
            ("membership_id", "resource_arn", "type"),
            ("collaboration_id",),
            ("collaboration_id", "type"),
            ("collaboration_id", "resource_arn", "type"),
            unique=(("resource_id",),),
        ),
        _record_table("ml_configurations", MLConfiguration),
        _record_table(
            "configured_model_algorithms",
            ConfiguredModelAlgorithm,
            ("account_id",),
            ("arn",),
            unique=(("account_id", "name"),),
        ),
        _record_table(
            "configured_model_algorithm_associations",
            ConfiguredModelAlgorithmAssociation,
            ("membership_id",),
            ("collaboration_id",),
            ("arn",),
            ("configured_model_algorithm_arn",),
            unique=(("membership_id", "name"),),
        ),
        _record_table(
            "ml_input_channels",
            MLInputChannel,
            ("membership_id",),
            ("membership_id", "status"),
            ("collaboration_id",),
            ("arn",),
            ("association_arn", "status"),
            unique_while_live=(("membership_id", "name"),),
            lifecycle=CHANNEL_LIFECYCLE,
        ),
        _record_table(
            "trained_models",
            TrainedModel,
            ("membership_id", "is_latest"),
            ("membership_id", "status"),
            ("collaboration_id", "is_latest"),
            ("collaboration_id", "status"),
            ("arn",),
            ("arn", "status"),
            ("arn", "version_identifier"),
            ("arn", "is_latest"),
            ("association_arn", "status"),
            unique_while_live=(("membership_id", "name"),),
            unique=(("arn", "version_identifier"),),
            lifecycle=MODEL_LIFECYCLE,
        ),
        _record_table(
            "trained_model_inference_jobs",
            TrainedModelInferenceJob,
            ("membership_id",),
            ("membership_id", "status"),
            ("membership_id", "trained_model_arn"),
            ("membership_id", "trained_model_arn", "trained_model_version_identifier"),
            ("collaboration_id",),
            ("collaboration_id", "trained_model_arn"),
            ("collaboration_id", "trained_model_arn", "trained_model_version_identifier"),
            ("arn",),
            ("trained_model_id", "status"),
            ("ml_input_channel_arn", "status"),
            ("association_arn", "status"),
            unique_while_live=(("membership_id", "name"),),
            lifecycle=INFERENCE_LIFECYCLE,
        ),
        _record_table(
            "trained_model_export_jobs",
            TrainedModelExportJob,
            ("collaboration_id", "trained_model_arn"),
            ("collaboration_id", "trained_model_arn", "trained_model_version_identifier"),
            ("trained_model_id", "status"),
            unique=(("trained_model_arn", "name"),),
            lifecycle=EXPORT_LIFECYCLE,
        ),
    )
}

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

ANALYSIS_LOG_EVENTS: RecordCodec[AnalysisLogEvent] = RecordCodec(AnalysisLogEvent)
analysis_log_events = sa.Table(
    "analysis_log_events",
    metadata,
    # Written with what each tells of, in its transaction, and never changed.
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=True),
    *(sa.Column(column.name, column.type, nullable=False) for column in ANALYSIS_LOG_EVENTS.columns),
    sa.Index("uq_analysis_log_events_id", "id", unique=True),
    sa.Index("ix_analysis_log_events_analysis_id", "analysis_id", "stage"),
    sa.Index("ix_analysis_log_events_stream", "account_id", "collaboration_id", "stream", "place"),
    sa.Index("ix_analysis_log_events_at", "account_id", "collaboration_id", "stream", "at"),
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
