"""The one analysis rule of a configured table. What it may say: domain/resources/configured_tables.py."""

from __future__ import annotations

from typing import Any

from whiteroom.base.faults import Conflict, ResourceNotFound, ValidationFault
from whiteroom.domain.resources.configured_tables import ConfiguredTable, ConfiguredTableAnalysisRule, rule_fits
from whiteroom.operations.access import permit
from whiteroom.operations.cleanrooms.configured_tables import CONFIGURED_TABLES
from whiteroom.operations.context import Context
from whiteroom.operations.registry import CLEANROOMS, Request, Response, operation


@operation(CLEANROOMS, "CreateConfiguredTableAnalysisRule")
def create_configured_table_analysis_rule(request: Request, context: Context) -> Response:
    """Set the rule of a table that has none."""
    table = CONFIGURED_TABLES.mine(request, context)
    existing = context.tx.configured_table_analysis_rules.get(table.id)
    if existing is not None:
        raise Conflict(
            f"The configured table has an analysis rule of type {existing.type} already. Change it with "
            "UpdateConfiguredTableAnalysisRule, or delete it first.",
            resourceId=table.id,
            resourceType="CONFIGURED_TABLE",
            reason="ALREADY_EXISTS",
        )
    _require_fitting(table, request)
    rule = ConfiguredTableAnalysisRule(
        id=table.id,
        type=request["analysisRuleType"],
        policy=request["analysisRulePolicy"],
        created_at=context.now,
        updated_at=context.now,
    )
    context.tx.configured_table_analysis_rules.add(rule)
    return {"analysisRule": _document(table, rule)}


@operation(CLEANROOMS, "GetConfiguredTableAnalysisRule")
def get_configured_table_analysis_rule(request: Request, context: Context) -> Response:
    """The rule of that type."""
    table = CONFIGURED_TABLES.mine(request, context)
    return {"analysisRule": _document(table, _rule(context, table, request["analysisRuleType"]))}


@operation(CLEANROOMS, "UpdateConfiguredTableAnalysisRule")
def update_configured_table_analysis_rule(request: Request, context: Context) -> Response:
    """Replace the rule's policy: it holds at once, also for what was made of the table before."""
    table = CONFIGURED_TABLES.mine(request, context)
    rule = _rule(context, table, request["analysisRuleType"])
    _require_fitting(table, request)
    rule = context.tx.configured_table_analysis_rules.update(
        rule, policy=request["analysisRulePolicy"], updated_at=context.now
    )
    return {"analysisRule": _document(table, rule)}


@operation(CLEANROOMS, "DeleteConfiguredTableAnalysisRule")
def delete_configured_table_analysis_rule(request: Request, context: Context) -> Response:
    """Take the rule back: all use of the table, and of what was made of it, ends at once."""
    table = CONFIGURED_TABLES.mine(request, context)
    context.tx.configured_table_analysis_rules.remove(_rule(context, table, request["analysisRuleType"]))
    return {}


def _require_fitting(table: ConfiguredTable, request: Request) -> None:
    permit(
        rule_fits(request["analysisRuleType"], request["analysisRulePolicy"], table.allowed_columns),
        ValidationFault,
        reason="INVALID_CONFIGURATION",
    )


def _rule(context: Context, table: ConfiguredTable, rule_type: str) -> ConfiguredTableAnalysisRule:
    rule = context.tx.configured_table_analysis_rules.get(table.id)
    if rule is None or rule.type != rule_type:
        raise ResourceNotFound(
            f"The configured table {table.id} has no analysis rule of type {rule_type}.",
            resourceId=table.id,
            resourceType="CONFIGURED_TABLE",
        )
    return rule


def _document(table: ConfiguredTable, rule: ConfiguredTableAnalysisRule) -> dict[str, Any]:
    return {
        "configuredTableId": table.id,
        "configuredTableArn": table.arn,
        "policy": rule.policy,
        "type": rule.type,
        "createTime": rule.created_at,
        "updateTime": rule.updated_at,
    }
