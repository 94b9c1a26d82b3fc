"""What a table's analysis rules let a query do.

Two rules stand over each table: the analysis rule of the configured table, and the
collaboration analysis rule of its association. Only CUSTOM rules are enforced now. Whatever
else a rule says is refused by name: a control that is not enforced must not look as if it were.

Sources: semantics section 4; AnalysisRuleCustom and ConfiguredTableAssociationAnalysisRuleCustom
of the `cleanrooms` model (2022-02-17).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from whiteroom.domain.queries import QueryTable
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict

CUSTOM = "CUSTOM"
ANY_QUERY = "ANY_QUERY"

_ENFORCED_FIELDS = frozenset({"allowedAnalyses", "allowedAnalysisProviders", "additionalAnalyses"})
"""Fields of a CUSTOM rule that `judge` understands. `differentialPrivacy` has a status code of its own."""

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


@dataclass(frozen=True, slots=True)
class QueryFacts:
    """What a parsed query does, as far as rules ask."""

    columns: Mapping[str, frozenset[str]]
    """Columns read, by association name. A table that is only counted has an empty set."""
    output_columns: tuple[str, ...]


def judge(
    facts: QueryFacts,
    tables: Iterable[QueryTable],
    *,
    querier_account_id: str,
    algorithm_association_arn: str | None,
    template_arn: str | None,
) -> Verdict:
    """Whether every table that the query reads allows it; a denial names each table and who must act."""
    by_name = {table.name: table for table in tables}
    analysis_type = AnalysisType.DIRECT if algorithm_association_arn is None else AnalysisType.ADDITIONAL
    reasons: list[str] = []
    for name in sorted(facts.columns):
        table = by_name.get(name)
        if table is None:
            reasons.append(f"There is no table '{name}' in this collaboration.")
            continue
        missing = missing_for(table, analysis_type)
        if missing:
            reasons += [item.message for item in missing]
            continue
        reasons += _analysis_refusals(table, querier_account_id, template_arn)
        reasons += _destination_refusals(table, querier_account_id, algorithm_association_arn)
        reasons += _column_refusals(table, facts.columns[name])
    return Denied(" ".join(reasons)) if reasons else ALLOWED


def missing_for(table: QueryTable, analysis_type: AnalysisType) -> list[Missing]:
    """What must be set before any query of that kind can read the table, in the order to set it."""
    if table.rule_type is None or table.rule is None:
        return [
            _missing(
                table, Reason.ANALYSIS_RULE_MISSING, "has no analysis rule.", "call CreateConfiguredTableAnalysisRule"
            )
        ]
    if table.rule_type != CUSTOM:
        return [
            _missing(
                table,
                Reason.ANALYSIS_RULE_TYPES_NOT_COMPATIBLE,
                f"has a rule of type {table.rule_type}; {table.rule_type} rules are enforced in a later release.",
                "replace it by a CUSTOM rule (DeleteConfiguredTableAnalysisRule, CreateConfiguredTableAnalysisRule)",
            )
        ]
    found = _rule_gaps(table, table.rule) + _additional_gaps(table, table.rule, analysis_type)
    return found + _association_gaps(table, analysis_type)


def arn_matches(pattern: str, arn: str) -> bool:
    """Whether an ARN fits a pattern of `allowedAdditionalAnalyses`, where `*` stands for any text within one part.

    Parts are divided by colons and slashes, so that a wildcard for an account or a
    membership never reaches into the next part. Linear in both lengths.
    """
    patterns, parts = re.split(r"[:/]", pattern), re.split(r"[:/]", arn)
    return len(patterns) == len(parts) and all(map(_part_matches, patterns, parts))


def _part_matches(pattern: str, text: str) -> bool:
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    *middle, last = rest
    if not text.startswith(first):
        return False
    position = len(first)
    for piece in middle:
        found = text.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return text.endswith(last) and len(text) - len(last) >= position


def _missing(table: QueryTable, code: Reason, what: str, remedy: str) -> Missing:
    return Missing(code, f"{_named(table)} {what} Its owner must {remedy}.")


def _named(table: QueryTable) -> str:
    return f"Table '{table.name}' (member {table.owner_account_id})"


def _rule_gaps(table: QueryTable, rule: Mapping[str, Any]) -> list[Missing]:
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
    others = sorted(field for field in rule.keys() - _ENFORCED_FIELDS - {"differentialPrivacy"} if rule[field])
    return found + [_unenforced(table, field, "analysis rule (UpdateConfiguredTableAnalysisRule)") for field in others]


def _unenforced(table: QueryTable, field: str, where: str) -> Missing:
    return _missing(
        table,
        Reason.ANALYSIS_RULE_TYPES_NOT_COMPATIBLE,
        f"has the control {field} in its rule, which is enforced in a later release.",
        f"take {field} out of its {where}",
    )


def _additional_gaps(table: QueryTable, rule: Mapping[str, Any], analysis_type: AnalysisType) -> list[Missing]:
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
    for other in sorted(rule.keys() - _ENFORCED_ASSOCIATION_FIELDS):
        if rule[other]:
            where = "collaboration analysis rule (UpdateConfiguredTableAssociationAnalysisRule)"
            found.append(_unenforced(table, other, where))
    return found


def _analysis_refusals(table: QueryTable, querier_account_id: str, template_arn: str | None) -> list[str]:
    rule = table.rule or {}
    analyses = rule.get("allowedAnalyses") or []
    if template_arn is not None and template_arn in analyses:
        return []
    if ANY_QUERY in analyses and querier_account_id in (rule.get("allowedAnalysisProviders") or []):
        return []
    if template_arn is not None:
        wanted = f"the analysis template {template_arn}"
        remedy = "add that ARN to allowedAnalyses"
    else:
        wanted = f"queries that member {querier_account_id} writes"
        remedy = f"add ANY_QUERY to allowedAnalyses and {querier_account_id} to allowedAnalysisProviders"
    return [f"{_named(table)} does not allow {wanted}. Its owner must {remedy} (UpdateConfiguredTableAnalysisRule)."]


def _destination_refusals(
    table: QueryTable, querier_account_id: str, algorithm_association_arn: str | None
) -> list[str]:
    rule = table.association_rule or {}
    update = "(UpdateConfiguredTableAssociationAnalysisRule)"
    if algorithm_association_arn is None:
        if querier_account_id in (rule.get("allowedResultReceivers") or []):
            return []
        refusal = f"{_named(table)} does not let member {querier_account_id} receive results."
        return [f"{refusal} Its owner must add the account to allowedResultReceivers {update}."]
    patterns = rule.get("allowedAdditionalAnalyses") or []
    if any(arn_matches(pattern, algorithm_association_arn) for pattern in patterns):
        return []
    refusal = f"{_named(table)} does not allow the configured model algorithm association {algorithm_association_arn}."
    return [f"{refusal} Its owner must add that ARN, or a pattern that fits it, to allowedAdditionalAnalyses {update}."]


def _column_refusals(table: QueryTable, columns: frozenset[str]) -> list[str]:
    allowed = {column.lower() for column in table.allowed_columns}
    return [
        f"Column '{column}' is not among the columns that {_named(table)} allows; use one of its allowed columns."
        for column in sorted(columns)
        if column.lower() not in allowed
    ]
