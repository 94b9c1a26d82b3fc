"""Associated tables as queries see them, with their owners' rules as they are now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from whiteroom.domain.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.queries import CatalogTable, Column, FileFormat, QueryTable
from whiteroom.domain.schemas import query_table
from whiteroom.ports import Transaction

Referenced = tuple[QueryTable, Mapping[str, Any]]
"""A table with its rules, its rows still to be found, and its TableReference."""


def referenced(tx: Transaction, association: ConfiguredTableAssociation) -> Referenced | None:
    """The table behind an association; None where it is gone. Its columns are taken to be those that are allowed."""
    table = tx.configured_tables.get(association.configured_table_id)
    if table is None:
        return None
    rule = tx.configured_table_analysis_rules.get(table.id)
    association_rule = tx.configured_table_association_analysis_rules.get(association.id)
    budget = tx.privacy_budget_templates.find(resource_id=association.collaboration_id)
    unread = CatalogTable((), FileFormat.CSV, tuple(Column(column, "") for column in table.allowed_columns))
    return query_table(association, table, unread, rule, association_rule, budget), table.table_reference
