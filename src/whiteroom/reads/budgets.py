"""Loads the budgets that a collaboration's queries are charged to."""

from __future__ import annotations

from whiteroom.domain.privacy.privacy_budgets import PrivacyBudgetTemplate
from whiteroom.ports.transaction import Transaction


def privacy_budget(tx: Transaction, collaboration_id: str) -> PrivacyBudgetTemplate | None:
    """The collaboration's budget of differential privacy."""
    return tx.privacy_budget_templates.find(resource_id=collaboration_id)


def access_budget(tx: Transaction, association_id: str) -> PrivacyBudgetTemplate | None:
    """How often a table may still be used."""
    return tx.privacy_budget_templates.find(resource_id=association_id)
