"""Associations of configured tables with memberships: the tables a collaboration's queries can name.

Operations: operations/configured_table_associations.py, operations/schemas.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class ConfiguredTableAssociation:
    """One table in one collaboration. `name` is what SQL calls it, unique in the collaboration whatever its case."""

    id: str
    arn: str
    membership_id: str
    collaboration_id: str
    account_id: str
    configured_table_id: str
    configured_table_arn: str
    name: str
    name_folded: str
    """`name` in lower case: SQL does not tell `Flights` from `flights`."""
    description: str | None
    role_arn: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ConfiguredTableAssociationAnalysisRule:
    """The collaboration analysis rule of an association. `id` is the association's."""

    id: str
    type: str
    policy: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime
