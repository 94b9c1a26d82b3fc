"""Spends access budgets: for queries, channels, trainings and inference jobs.

How uses are counted: domain/privacy/privacy_budgets.py.

Spending happens in the transaction that records the work, so that both are written or neither: a crash
counts nothing twice, and nothing that has not begun.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from whiteroom.base.arns import cleanrooms_arn, parse_arn
from whiteroom.base.faults import AccessDenied
from whiteroom.domain.privacy.privacy_budgets import Balance, PrivacyBudgetTemplate, balances, remaining, used_once_more
from whiteroom.domain.resources.analysis_templates import AnalysisTemplate, tables_named
from whiteroom.domain.resources.configured_table_associations import ConfiguredTableAssociation
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.operations.answers import unwrap
from whiteroom.operations.context import Context
from whiteroom.reads import budgets
from whiteroom.reads.query_tables import shared_associations


def named_associations(
    context: Context, collaboration_id: str, sql_parameters: Mapping[str, Any], template: AnalysisTemplate | None
) -> tuple[str, ...]:
    """Ids of the active members' tables that a query's text names: whatever it reads is among them.

    The text is hostile, and is parsed where it runs; here its words are enough. A query sees no table but these.
    """
    text = sql_parameters.get("queryString", "") if template is None else template.source["text"]
    there = {association.name: association.id for association in shared_associations(context.tx, collaboration_id)}
    return tuple(there[name] for name in tables_named(text, there))


def spend(context: Context, association_ids: Iterable[str]) -> tuple[str, ...]:
    """Use each of these tables once; the ids of those that have a budget.

    Raises:
        AccessDenied: a budget is spent; nothing of what the operation has written stays.
    """
    spent = []
    for association_id in dict.fromkeys(association_ids):
        template = budgets.access_budget(context.tx, association_id)
        association = context.tx.configured_table_associations.get(association_id)
        if template is None or association is None:
            continue
        changes = unwrap(used_once_more(template, association.name, context.now), AccessDenied)
        context.tx.privacy_budget_templates.update(template, **changes)
        spent.append(association_id)
    return tuple(spent)


def spend_channels(context: Context, channels: Iterable[MLInputChannel]) -> None:
    """Use every table that these channels were made of, once for the job that reads them.

    Raises:
        AccessDenied: a budget is spent.
    """
    spend(context, sorted({source for channel in channels for source in channel.source_associations}))


def channel_budgets(context: Context, channel: MLInputChannel) -> Mapping[str, Any] | None:
    """PrivacyBudgets of a channel: those of its tables; before its query has run, of the tables that it names."""
    sources = channel.source_associations
    if not sources:
        query = context.tx.protected_queries.get(channel.protected_query_id)
        sources = (query.named_associations or ()) if query is not None else ()
    found = [budgets.access_budget(context.tx, source) for source in sources]
    answered = [access_budget(template, context) for template in found if template is not None]
    return {"accessBudgets": answered} if answered else None


def access_budget(template: PrivacyBudgetTemplate, context: Context) -> dict[str, Any]:
    """AccessBudget, of both services."""
    return {
        "resourceArn": template.resource_arn,
        "details": [_details(balance) for balance in balances(template, context.now)],
        "aggregateRemainingBudget": remaining(template, context.now),
    }


def resource_arn_of(association: ConfiguredTableAssociation) -> str:
    """What budgets call a table's association (BudgetedResourceArn), and schemas their resource."""
    return cleanrooms_arn(
        parse_arn(association.arn).region,
        association.account_id,
        f"membership/{association.membership_id}/configuredtableassociation/{association.id}",
    )


def forget_budget(context: Context, association_id: str) -> None:
    """Remove the budget of a table that is taken out of the collaboration."""
    template = budgets.access_budget(context.tx, association_id)
    if template is not None:
        context.tx.privacy_budget_templates.remove(template)
        context.tx.tags.put(template.arn, {})


def _details(balance: Balance) -> dict[str, Any]:
    refresh = {True: "ENABLED", False: "DISABLED", None: None}[balance.auto_refresh]
    return {
        "startTime": balance.started_at,
        "endTime": balance.ends_at,
        "remainingBudget": balance.remaining,
        "budget": balance.budget,
        "budgetType": balance.type.value,
        "autoRefresh": refresh,
    }
