"""Schemas: what the members of a collaboration see of an associated table, and whether it is ready.

What keeps a table from being queried is decided in domain/privacy/rule_readiness.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.domain.privacy.consolidated_rules import consolidated
from whiteroom.domain.privacy.differential_privacy import policy_of
from whiteroom.domain.privacy.privacy_budgets import PrivacyBudgetTemplate
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, QueryTable
from whiteroom.domain.privacy.rule_readiness import AnalysisType, Missing, missing_for
from whiteroom.domain.resources.configured_table_associations import (
    ConfiguredTableAssociation,
    ConfiguredTableAssociationAnalysisRule,
)
from whiteroom.domain.resources.configured_tables import ConfiguredTable, ConfiguredTableAnalysisRule, policy_of_type
from whiteroom.domain.verdicts import Denied


def query_table(
    association: ConfiguredTableAssociation,
    table: ConfiguredTable,
    source: CatalogTable,
    rule: ConfiguredTableAnalysisRule | None,
    association_rule: ConfiguredTableAssociationAnalysisRule | None,
    budget: PrivacyBudgetTemplate | None,
) -> QueryTable:
    """An associated table as queries may see it.

    Args:
        association: the table's place in the collaboration.
        table: the table.
        source: its columns and files.
        rule: of the table.
        association_rule: of the association.
        budget: the collaboration's budget of differential privacy, whoever's it is: it grants its own member's tables.

    A collaboration rule of another type than the table's counts as none.
    """
    own = association.membership_id
    fits = rule is not None and association_rule is not None and association_rule.type == rule.type
    return QueryTable(
        name=association.name,
        owner_account_id=association.account_id,
        source=source,
        allowed_columns=table.allowed_columns,
        rule_type=rule.type if rule is not None else None,
        rule=_inner(rule),
        association_rule=_inner(association_rule) if fits else None,
        privacy=policy_of(budget) if budget is not None and budget.membership_id == own else None,
        association_id=association.id,
        role_arn=association.role_arn,
    )


def _inner(
    rule: ConfiguredTableAnalysisRule | ConfiguredTableAssociationAnalysisRule | None,
) -> Mapping[str, Any] | None:
    if rule is None:
        return None
    policy = policy_of_type(rule.type, rule.policy)
    return None if isinstance(policy, Denied) else policy


def visible_columns(table: QueryTable) -> tuple[Column, ...]:
    """The allowed columns that the table still has, in the owner's order, under the names that the owner gave."""
    types = {column.name.lower(): column.type for column in table.source.columns}
    return tuple(Column(column, types[column.lower()]) for column in table.allowed_columns if column.lower() in types)


def readiness(table: QueryTable) -> Mapping[AnalysisType, tuple[Missing, ...]]:
    """What is missing for each type of analysis; nothing where the table is ready for it."""
    return {analysis_type: tuple(missing_for(table, analysis_type)) for analysis_type in AnalysisType}


def consolidated_policy(
    rule: ConfiguredTableAnalysisRule, association_rule: ConfiguredTableAssociationAnalysisRule | None
) -> Mapping[str, Any] | None:
    """Both rules of a table in one (ConsolidatedPolicy); None before both are set, and fit."""
    mine, shared = _inner(rule), _inner(association_rule)
    if mine is None or shared is None or association_rule is None or association_rule.type != rule.type:
        return None
    return {"v1": {rule.type.lower(): consolidated(mine, shared)}}
