"""Associations of configured tables with memberships: the tables a collaboration's queries can name.

Operations: operations/cleanrooms/configured_table_associations.py, operations/cleanrooms/schemas.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


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


def rule_type_fits(rule_type: str, table_rule_type: str | None) -> Verdict:
    """Whether a collaboration analysis rule can be of that type: the one of its table's rule."""
    if table_rule_type is None:
        return Denied(
            "The configured table has no analysis rule yet. Call CreateConfiguredTableAnalysisRule first, "
            "then set the collaboration rule with the same type."
        )
    if rule_type != table_rule_type:
        return Denied(f"The configured table's analysis rule is of type {table_rule_type}: use that type here too.")
    return ALLOWED


_LOOKALIKE = "configuredaudiencemodelassociation"


def analyses_fit(policy: Mapping[str, Any]) -> Verdict:
    """Whether the additional analyses that a policy allows are some that there are here."""
    for arn in policy.get("allowedAdditionalAnalyses", ()):
        if f"/{_LOOKALIKE}/" in arn or "audience-model" in arn:
            return Denied(
                f"allowedAdditionalAnalyses names {arn}: there are no audience models here. Name configured model "
                "algorithm associations."
            )
    return ALLOWED


def receivers_fit(policy: Mapping[str, Any], member_account_ids: Collection[str]) -> Verdict:
    """Whether every allowed receiver is a member of the collaboration."""
    strangers = [account for account in policy.get("allowedResultReceivers", ()) if account not in member_account_ids]
    if strangers:
        return Denied(
            f"allowedResultReceivers names {', '.join(strangers)}, which is not in this collaboration. "
            "ListMembers answers its accounts."
        )
    return ALLOWED
