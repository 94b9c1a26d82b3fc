"""What an owner must still set before any query can read a table, with AWS's reason codes.

Sources: SchemaStatusReasonCode of the `cleanrooms` model (2022-02-17); UG analysis-rules, add-analysis-rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from whiteroom.domain import aggregation_rules, custom_rules, list_rules
from whiteroom.domain.consolidated_rules import consolidated
from whiteroom.domain.queries import QueryTable

AGGREGATION, LIST, CUSTOM = "AGGREGATION", "LIST", "CUSTOM"
ANY_QUERY = "ANY_QUERY"

_ENFORCED_FIELDS: Mapping[str, frozenset[str]] = {
    AGGREGATION: aggregation_rules.FIELDS,
    LIST: list_rules.FIELDS,
    CUSTOM: custom_rules.FIELDS,
}
"""What is understood of each type of rule. Whatever else a rule says is refused by name: a control that is not
enforced must not look as if it were."""

_SEEN_TO_ELSEWHERE = frozenset({"differentialPrivacy"})
"""Refused with a status code of its own."""

_ENFORCED_ASSOCIATION_FIELDS = frozenset({"allowedResultReceivers", "allowedAdditionalAnalyses"})


class AnalysisType(StrEnum):
    """Where a query's rows go (AnalysisType of the model)."""

    DIRECT = "DIRECT_ANALYSIS"
    """To a member."""
    ADDITIONAL = "ADDITIONAL_ANALYSIS"
    """Into an algorithm: an ML input channel."""


class Reason(StrEnum):
    """Why a table is not ready for queries (SchemaStatusReasonCode: those that can occur here)."""

    ANALYSIS_RULE_MISSING = "ANALYSIS_RULE_MISSING"
    ANALYSIS_RULE_TYPES_NOT_COMPATIBLE = "ANALYSIS_RULE_TYPES_NOT_COMPATIBLE"
    ANALYSIS_TEMPLATES_NOT_CONFIGURED = "ANALYSIS_TEMPLATES_NOT_CONFIGURED"
    ANALYSIS_PROVIDERS_NOT_CONFIGURED = "ANALYSIS_PROVIDERS_NOT_CONFIGURED"
    DIFFERENTIAL_PRIVACY_POLICY_NOT_CONFIGURED = "DIFFERENTIAL_PRIVACY_POLICY_NOT_CONFIGURED"
    COLLABORATION_ANALYSIS_RULE_NOT_CONFIGURED = "COLLABORATION_ANALYSIS_RULE_NOT_CONFIGURED"
    ADDITIONAL_ANALYSES_NOT_ALLOWED = "ADDITIONAL_ANALYSES_NOT_ALLOWED"
    ADDITIONAL_ANALYSES_NOT_CONFIGURED = "ADDITIONAL_ANALYSES_NOT_CONFIGURED"
    RESULT_RECEIVERS_NOT_ALLOWED = "RESULT_RECEIVERS_NOT_ALLOWED"
    RESULT_RECEIVERS_NOT_CONFIGURED = "RESULT_RECEIVERS_NOT_CONFIGURED"


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that keeps a table from being queried, and who must do what."""

    code: Reason
    message: str


def missing_for(table: QueryTable, analysis_type: AnalysisType) -> list[Missing]:
    """What must be set before any query of that kind can read the table, in the order to set it."""
    if table.rule_type is None or table.rule is None:
        return [
            _missing(
                table, Reason.ANALYSIS_RULE_MISSING, "has no analysis rule.", "call CreateConfiguredTableAnalysisRule"
            )
        ]
    if table.rule_type not in _ENFORCED_FIELDS:
        return [
            _missing(
                table,
                Reason.ANALYSIS_RULE_TYPES_NOT_COMPATIBLE,
                f"has a rule of type {table.rule_type}, which is not enforced here.",
                "replace it by a CUSTOM rule (DeleteConfiguredTableAnalysisRule, CreateConfiguredTableAnalysisRule)",
            )
        ]
    found = _custom_gaps(table, table.rule) if table.rule_type == CUSTOM else []
    found += _unknown_gaps(table, table.rule, _ENFORCED_FIELDS[table.rule_type])
    found += _additional_gaps(table, table.rule, analysis_type)
    return found + _association_gaps(table, analysis_type)


def _missing(table: QueryTable, code: Reason, what: str, remedy: str) -> Missing:
    return Missing(code, f"{table.title} {what} Its owner must {remedy}.")


def _custom_gaps(table: QueryTable, rule: Mapping[str, Any]) -> list[Missing]:
    found = []
    analyses = rule.get("allowedAnalyses") or []
    if not analyses:
        found.append(
            _missing(
                table,
                Reason.ANALYSIS_TEMPLATES_NOT_CONFIGURED,
                "allows no analyses.",
                "add an analysis template's ARN or ANY_QUERY to allowedAnalyses (UpdateConfiguredTableAnalysisRule)",
            )
        )
    if ANY_QUERY in analyses and not rule.get("allowedAnalysisProviders"):
        found.append(
            _missing(
                table,
                Reason.ANALYSIS_PROVIDERS_NOT_CONFIGURED,
                "allows ANY_QUERY of nobody.",
                "add accounts to allowedAnalysisProviders (UpdateConfiguredTableAnalysisRule)",
            )
        )
    if rule.get("differentialPrivacy"):
        found.append(
            _missing(
                table,
                Reason.DIFFERENTIAL_PRIVACY_POLICY_NOT_CONFIGURED,
                "asks for differentialPrivacy, which is enforced in a later release.",
                "take differentialPrivacy out of its analysis rule (UpdateConfiguredTableAnalysisRule)",
            )
        )
    return found


def _unknown_gaps(table: QueryTable, rule: Mapping[str, Any], known: frozenset[str]) -> list[Missing]:
    where = "analysis rule (UpdateConfiguredTableAnalysisRule)"
    fields = sorted(field for field in rule.keys() - known - _SEEN_TO_ELSEWHERE if rule[field])
    return [_unenforced(table, field, where) for field in fields]


def _unenforced(table: QueryTable, field: str, where: str) -> Missing:
    return _missing(
        table,
        Reason.ANALYSIS_RULE_TYPES_NOT_COMPATIBLE,
        f"has the control {field} in its rule, which is not enforced here.",
        f"take {field} out of its {where}",
    )


def _additional_gaps(table: QueryTable, rule: Mapping[str, Any], analysis_type: AnalysisType) -> list[Missing]:
    if analysis_type is AnalysisType.ADDITIONAL and table.rule_type == AGGREGATION:
        # "The additionalAnalyses parameter is currently supported for the list analysis rule and the custom
        # analysis rule" (AnalysisRuleAggregation).
        return [
            _missing(
                table,
                Reason.ADDITIONAL_ANALYSES_NOT_ALLOWED,
                "has a rule of type AGGREGATION, and additional analyses (ML input channels) are supported for LIST "
                "and CUSTOM rules.",
                "replace it by a LIST or CUSTOM rule (DeleteConfiguredTableAnalysisRule, "
                "CreateConfiguredTableAnalysisRule) if a channel is to be made of it",
            )
        ]
    # Where the field is absent AWS's console shows "Not allowed", the stricter of the readings.
    setting = rule.get("additionalAnalyses") or "NOT_ALLOWED"
    if analysis_type is AnalysisType.ADDITIONAL and setting not in {"ALLOWED", "REQUIRED"}:
        return [
            _missing(
                table,
                Reason.ADDITIONAL_ANALYSES_NOT_ALLOWED,
                f"does not allow additional analyses (additionalAnalyses is {setting}), so no ML input channel.",
                "set additionalAnalyses to ALLOWED or REQUIRED (UpdateConfiguredTableAnalysisRule)",
            )
        ]
    if analysis_type is AnalysisType.DIRECT and setting not in {"ALLOWED", "NOT_ALLOWED"}:
        return [
            _missing(
                table,
                Reason.RESULT_RECEIVERS_NOT_ALLOWED,
                f"may only be read for an additional analysis (additionalAnalyses is {setting}).",
                "set additionalAnalyses to ALLOWED (UpdateConfiguredTableAnalysisRule), or use an ML channel",
            )
        ]
    return []


def _association_gaps(table: QueryTable, analysis_type: AnalysisType) -> list[Missing]:
    rule = table.association_rule
    if rule is None:
        return [
            _missing(
                table,
                Reason.COLLABORATION_ANALYSIS_RULE_NOT_CONFIGURED,
                "has no collaboration analysis rule.",
                "call CreateConfiguredTableAssociationAnalysisRule",
            )
        ]
    if analysis_type is AnalysisType.ADDITIONAL:
        field, code = "allowedAdditionalAnalyses", Reason.ADDITIONAL_ANALYSES_NOT_CONFIGURED
    else:
        field, code = "allowedResultReceivers", Reason.RESULT_RECEIVERS_NOT_CONFIGURED
    found = []
    if not rule.get(field):
        remedy = f"fill {field} (UpdateConfiguredTableAssociationAnalysisRule)"
        found.append(_missing(table, code, f"has an empty {field} in its collaboration analysis rule.", remedy))
    elif not consolidated(table.rule or {}, rule)[field]:
        what = f"has nothing in common between {field} of its analysis rule and of its collaboration analysis rule."
        found.append(_missing(table, code, what, f"correct {field} (UpdateConfiguredTableAnalysisRule)"))
    for other in sorted(rule.keys() - _ENFORCED_ASSOCIATION_FIELDS):
        if rule[other]:
            where = "collaboration analysis rule (UpdateConfiguredTableAssociationAnalysisRule)"
            found.append(_unenforced(table, other, where))
    return found
