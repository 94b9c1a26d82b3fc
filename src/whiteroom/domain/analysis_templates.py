"""Analysis templates: SQL that owners can read and approve before it runs.

Operations: operations/analysis_templates.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class AnalysisTemplate:
    """One template. Only its description can change: owners approve the text by its ARN."""

    id: str
    arn: str
    membership_id: str
    collaboration_id: str
    account_id: str
    name: str
    description: str | None
    format: str
    source: Mapping[str, Any]
    """AnalysisSource: `{"text": SQL}`."""
    analysis_parameters: tuple[Mapping[str, Any], ...]
    schema: Mapping[str, Any]
    """AnalysisSchema: `{"referencedTables": [...]}`."""
    error_message_configuration: Mapping[str, Any] | None
    synthetic_data_parameters: Mapping[str, Any] | None
    created_at: datetime
    updated_at: datetime
