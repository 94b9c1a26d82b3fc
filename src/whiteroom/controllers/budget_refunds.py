"""Gives back to tables' access budgets what a query was counted for and did not use.

An operation counts every table that the text names, in the transaction that records the query; which of
them it read is known when the engine has parsed it. Called in the transaction that records the query's end.
"""

from __future__ import annotations

from collections.abc import Collection

from whiteroom.domain.privacy.privacy_budgets import given_back
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.budgets import access_budget


def give_back_unused(tx: Transaction, query: ProtectedQuery, read: Collection[str]) -> None:
    """Give back what was counted for tables other than those in `read` (ids of associations)."""
    for association_id in query.charged_associations:
        template = access_budget(tx, association_id)
        if association_id in read or template is None:
            continue
        changes = given_back(template, query.created_at)
        if changes:
            tx.privacy_budget_templates.update(template, **changes)
