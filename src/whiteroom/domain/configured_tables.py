"""Configured tables and their analysis rules: what an owner is willing to let queries see.

Operations: operations/configured_tables.py. What a rule lets a query do: domain/analysis_rules.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ConfiguredTable:
    """A reference to a table, and the columns of it that may be used."""

    id: str
    arn: str
    account_id: str
    name: str
    description: str | None
    table_reference: Mapping[str, Any]
    """TableReference: `{"glue": {"databaseName", "tableName"}}` or another union member."""
    allowed_columns: tuple[str, ...]
    analysis_method: str
    selected_analysis_methods: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ConfiguredTableAnalysisRule:
    """The one analysis rule of a configured table. `id` is the table's."""

    id: str
    type: str
    """AGGREGATION, LIST or CUSTOM."""
    policy: Mapping[str, Any]
    """ConfiguredTableAnalysisRulePolicy: `{"v1": {"custom": {...}}}`."""
    created_at: datetime
    updated_at: datetime
