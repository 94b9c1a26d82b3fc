"""What an owner must still set before any query can read a table, with AWS's reason codes.

Sources: SchemaStatusReasonCode of the `cleanrooms` model (2022-02-17); docs/sources.md, analysis-rules and
add-analysis-rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from whiteroom.domain.privacy import aggregation_rules, custom_rules, list_rules
from whiteroom.domain.privacy.consolidated_rules import consolidated
from whiteroom.domain.privacy.query_tables import QueryTable

AGGREGATION, LIST, CUSTOM = "AGGREGATION", "LIST", "CUSTOM"
ANY_QUERY = "ANY_QUERY"

_ENFORCED_FIELDS: Mapping[str, frozenset[str]] = {
    AGGREGATION: aggregation_rules.FIELDS,
    LIST: list_rules.FIELDS,
    CUSTOM: custom_rules.FIELDS,
}
"""What is understood of each type of rule. Whatever else a rule says is refused by name: a control that is not
enforced must not look as if it were."""

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
    """Its owner has set no analysis rule."""
    ANALYSIS_RULE_TYPES_NOT_COMPATIBLE = "ANALYSIS_RULE_TYPES_NOT_COMPATIBLE"
    """Its rule is of a type, or has a control, that is not enforced here."""
    ANALYSIS_TEMPLATES_NOT_CONFIGURED = "ANALYSIS_TEMPLATES_NOT_CONFIGURED"
    """A CUSTOM rule allows no analysis."""
    ANALYSIS_PROVIDERS_NOT_CONFIGURED = "ANALYSIS_PROVIDERS_NOT_CONFIGURED"
    """ANY_QUERY is allowed, and of nobody."""
    DIFFERENTIAL_PRIVACY_POLICY_NOT_CONFIGURED = "DIFFERENTIAL_PRIVACY_POLICY_NOT_CONFIGURED"
    """The rule asks for differential privacy, and there is no budget for it."""
    COLLABORATION_ANALYSIS_RULE_NOT_CONFIGURED = "COLLABORATION_ANALYSIS_RULE_NOT_CONFIGURED"
    """The association has no rule of its own."""
    ADDITIONAL_ANALYSES_NOT_ALLOWED = "ADDITIONAL_ANALYSES_NOT_ALLOWED"
    """The table's rule lets its rows reach no algorithm."""
    ADDITIONAL_ANALYSES_NOT_CONFIGURED = "ADDITIONAL_ANALYSES_NOT_CONFIGURED"
    """Algorithms are allowed, and none is named."""
    RESULT_RECEIVERS_NOT_ALLOWED = "RESULT_RECEIVERS_NOT_ALLOWED"
    """The table's rule lets its rows reach algorithms alone."""
    RESULT_RECEIVERS_NOT_CONFIGURED = "RESULT_RECEIVERS_NOT_CONFIGURED"
    """Receivers are allowed, and none is named."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that keeps a table from being queried, and who must do what.

    No sentence here tells an owner to loosen what it has set: what a rule keeps closed is said as that, with what can
    be done without it, or with what restores what was there (tests/unit/domain/test_advice.py walks them).
    """

    code: Reason
    message: str
    closed: bool = False
    """Whether a rule keeps the table closed for this use, as its owner wanted it: there is nothing to be done."""


def missing_for(table: QueryTable, analysis_type: AnalysisType) -> list[Missing]:
    """What must be set before any query of that kind can read the table, in the order to set it."""
    if table.rule_type is None or table.rule is None:
        return [
            _missing(
                table,
                Reason.ANALYSIS_RULE_MISSING,
                "has no analysis rule.",
                "call CreateConfiguredTableAnalysisRule, with what was there where it was deleted",
            )
        ]
    if table.rule_type not in _ENFORCED_FIELDS:
        return [
            _closed(
                table,
                Reason.ANALYSIS_RULE_TYPES_NOT_COMPATIBLE,
                f"has a rule of type {table.rule_type}, which is not enforced here.",
                "Nothing reads it under such a rule; AGGREGATION, LIST and CUSTOM are enforced.",
            )
        ]
    found = _custom_gaps(table, table.rule) if table.rule_type == CUSTOM else []
    found += _unknown_gaps(table, table.rule, _ENFORCED_FIELDS[table.rule_type])
    found += _additional_gaps(table, table.rule, analysis_type)
    return found + _association_gaps(table, analysis_type)


def _missing(table: QueryTable, code: Reason, what: str, remedy: str) -> Missing:
    return Missing(code, f"{table.title} {what} Its owner must {remedy}.")


def _closed(table: QueryTable, code: Reason, what: str, instead: str) -> Missing:
    return Missing(code, f"{table.title} {what} {instead}", closed=True)


def _custom_gaps(table: QueryTable, rule: Mapping[str, Any]) -> list[Missing]:
    found = []
    analyses = rule.get("allowedAnalyses") or []
    if not analyses:
        found.append(
            _missing(
                table,
                Reason.ANALYSIS_TEMPLATES_NOT_CONFIGURED,
                "allows no analyses.",
                "name the analysis templates that it has read and approves, by their ARNs in allowedAnalyses "
                "(UpdateConfiguredTableAnalysisRule)",
            )
        )
    if ANY_QUERY in analyses and not rule.get("allowedAnalysisProviders"):
        found.append(
            _missing(
                table,
                Reason.ANALYSIS_PROVIDERS_NOT_CONFIGURED,
                "allows ANY_QUERY of nobody.",
                "name analysis templates in its place, or in allowedAnalysisProviders the accounts that it trusts to "
                "write queries (UpdateConfiguredTableAnalysisRule)",
            )
        )
    if rule.get("differentialPrivacy") and table.privacy is None:
        found.append(
            _missing(
                table,
                Reason.DIFFERENTIAL_PRIVACY_POLICY_NOT_CONFIGURED,
                "asks for differentialPrivacy, and its owner has no privacy budget for it in this collaboration, which "
                "can have one only.",
                "call CreatePrivacyBudgetTemplate with type DIFFERENTIAL_PRIVACY",
            )
        )
    return found


def _unknown_gaps(table: QueryTable, rule: Mapping[str, Any], known: frozenset[str]) -> list[Missing]:
    where = "analysis rule"
    fields = sorted(field for field in rule.keys() - known if rule[field])
    return [_unenforced(table, field, where) for field in fields]


def _unenforced(table: QueryTable, field: str, where: str) -> Missing:
    return _closed(
        table,
        Reason.ANALYSIS_RULE_TYPES_NOT_COMPATIBLE,
        f"has the control {field} in its {where}, which is not enforced here.",
        "So nothing reads it; docs/privacy.md lists the controls that are.",
    )


def _additional_gaps(table: QueryTable, rule: Mapping[str, Any], analysis_type: AnalysisType) -> list[Missing]:
    if analysis_type is AnalysisType.ADDITIONAL:
        reason = _no_channel(table, rule)
        return [] if reason is None else [_closed(table, Reason.ADDITIONAL_ANALYSES_NOT_ALLOWED, reason, _QUERY_IT)]
    setting = rule.get("additionalAnalyses") or "NOT_ALLOWED"
    if setting in {"ALLOWED", "NOT_ALLOWED"}:
        return []
    what = f"may only be read for an additional analysis (additionalAnalyses is {setting})."
    return [_closed(table, Reason.RESULT_RECEIVERS_NOT_ALLOWED, what, _MAKE_A_CHANNEL)]


_QUERY_IT = "Query it (StartProtectedQuery) as far as its rule allows, or make the channel of other tables."
_MAKE_A_CHANNEL = "Make an ML input channel of it (CreateMLInputChannel)."


def _no_channel(table: QueryTable, rule: Mapping[str, Any]) -> str | None:
    if table.identifier is not None:
        return "has differentialPrivacy in its rule, and an ML input channel takes rows as they are, without noise."
    if table.rule_type == AGGREGATION:
        # "The additionalAnalyses parameter is currently supported for the list analysis rule and the custom
        # analysis rule" (AnalysisRuleAggregation).
        return (
            "has a rule of type AGGREGATION, and additional analyses (ML input channels) are supported for LIST and "
            "CUSTOM rules."
        )
    # Where the field is absent AWS's console shows "Not allowed", the stricter of the readings.
    setting = rule.get("additionalAnalyses") or "NOT_ALLOWED"
    if setting in {"ALLOWED", "REQUIRED"}:
        return None
    return f"does not allow additional analyses (additionalAnalyses is {setting}), so no ML input channel."


def _association_gaps(table: QueryTable, analysis_type: AnalysisType) -> list[Missing]:
    rule = table.association_rule
    if rule is None:
        return [
            _missing(
                table,
                Reason.COLLABORATION_ANALYSIS_RULE_NOT_CONFIGURED,
                "has no collaboration analysis rule.",
                "call CreateConfiguredTableAssociationAnalysisRule, with what was there where it was deleted",
            )
        ]
    if analysis_type is AnalysisType.ADDITIONAL:
        field, code = "allowedAdditionalAnalyses", Reason.ADDITIONAL_ANALYSES_NOT_CONFIGURED
        whom = "the algorithms that it has read and approves, by their associations' ARNs,"
    else:
        field, code = "allowedResultReceivers", Reason.RESULT_RECEIVERS_NOT_CONFIGURED
        whom = "the members that it lets receive results"
    found = []
    if not rule.get(field):
        remedy = f"name {whom} there (UpdateConfiguredTableAssociationAnalysisRule)"
        found.append(_missing(table, code, f"has an empty {field} in its collaboration analysis rule.", remedy))
    elif not consolidated(table.rule or {}, rule)[field]:
        what = f"has nothing in common between {field} of its analysis rule and of its collaboration analysis rule."
        remedy = f"decide in which of them {field} is right (UpdateConfiguredTableAssociationAnalysisRule, "
        found.append(_missing(table, code, what, f"{remedy}UpdateConfiguredTableAnalysisRule)"))
    others = sorted(other for other in rule.keys() - _ENFORCED_ASSOCIATION_FIELDS if rule[other])
    return found + [_unenforced(table, other, "collaboration analysis rule") for other in others]
