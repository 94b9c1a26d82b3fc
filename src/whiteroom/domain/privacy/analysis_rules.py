"""Whether the tables that a query reads allow it: every one of them must, so that the strictest rule wins.

Two rules stand over each table: the analysis rule of the configured table, and the collaboration
analysis rule of its association. What is asked, in this order, and where it is decided:

- is all set that must be set: domain/privacy/rule_readiness.py;
- who may ask (templates, providers), who or what may receive: here;
- which columns, joins, functions, groups and outputs: domain/privacy/list_rules.py,
domain/privacy/aggregation_rules.py, domain/privacy/custom_rules.py;
- how large each group must be: `minimums`, which sql/minimums.py puts into the query itself.

Sources: semantics section 4; AnalysisRuleList, AnalysisRuleAggregation, AnalysisRuleCustom and
ConfiguredTableAssociationAnalysisRulePolicy of the `cleanrooms` model (2022-02-17). docs/privacy.md has the table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence

from whiteroom.base.arns import parse_arn
from whiteroom.domain.privacy.aggregation_rules import aggregation_minimums, aggregation_refusals
from whiteroom.domain.privacy.arn_patterns import arn_matches
from whiteroom.domain.privacy.consolidated_rules import consolidated
from whiteroom.domain.privacy.custom_rules import custom_minimums, custom_refusals
from whiteroom.domain.privacy.list_rules import list_refusals
from whiteroom.domain.privacy.query_facts import Minimum, QueryFacts
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.privacy.rule_readiness import AGGREGATION, ANY_QUERY, CUSTOM, LIST, AnalysisType, missing_for
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


def judge(
    facts: QueryFacts,
    tables: Iterable[QueryTable],
    *,
    querier_account_id: str,
    receiver_account_ids: Sequence[str],
    algorithm_association_arn: str | None,
    template_arn: str | None,
) -> Verdict:
    """Whether every table that the query reads allows it; a denial names each table and who must act.

    Args:
        facts: what the query does.
        tables: every table of the collaboration.
        querier_account_id: who asks.
        receiver_account_ids: who gets the rows of a direct query.
        algorithm_association_arn: which algorithm gets the rows of a channel; None for a direct query.
        template_arn: the analysis template that the query comes from, if any.
    """
    by_name = {table.name: table for table in tables}
    reasons = [f"There is no table '{name}' in this collaboration." for name in sorted(facts.columns.keys() - by_name)]
    read = [by_name[name] for name in sorted(facts.columns.keys() & by_name.keys())]
    reach = may_reach(
        read,
        querier_account_id=querier_account_id,
        receiver_account_ids=receiver_account_ids,
        algorithm_association_arn=algorithm_association_arn,
        template_arn=template_arn,
    )
    if isinstance(reach, Denied):
        reasons.append(reach.reason)
    for table in read:
        reasons += _column_refusals(table, facts.columns[table.name])
    # What a rule lacks is refused first; whether the query keeps to the rule is asked of rules that are whole.
    if not reasons:
        owned = frozenset(table.name for table in read if table.owner_account_id == querier_account_id)
        for table in read:
            reasons += _rule_refusals(facts, table, owned)
    return Denied(" ".join(reasons)) if reasons else ALLOWED


def may_reach(
    tables: Sequence[QueryTable],
    *,
    querier_account_id: str,
    receiver_account_ids: Sequence[str],
    algorithm_association_arn: str | None,
    template_arn: str | None,
) -> Verdict:
    """Whether every table lets this querier read it for these receivers, or for this algorithm, whatever the query."""
    analysis_type = AnalysisType.DIRECT if algorithm_association_arn is None else AnalysisType.ADDITIONAL
    reasons: list[str] = []
    for table in tables:
        missing = missing_for(table, analysis_type)
        reasons += [item.message for item in missing]
        if missing:
            continue
        reasons += _analysis_refusals(table, querier_account_id, template_arn)
        if algorithm_association_arn is None:
            reasons += _receiver_refusals(table, receiver_account_ids)
        else:
            reasons += _algorithm_refusals(table, algorithm_association_arn)
    types = sorted({table.rule_type for table in tables if table.rule_type})
    if len(types) > 1:
        # "Queries can only reference configured tables with the same analysis rule type" (docs/sources.md).
        reasons.append(
            f"The tables have rules of the types {', '.join(types)}; a query may only read tables of one type."
        )
    return Denied(" ".join(reasons)) if reasons else ALLOWED


def algorithm_may_read(table: QueryTable, association_arn: str) -> bool:
    """Whether a table's rules let its rows reach an algorithm, in a query that they allow."""
    return not missing_for(table, AnalysisType.ADDITIONAL) and not _algorithm_refusals(table, association_arn)


def minimums(facts: QueryFacts, tables: Iterable[QueryTable]) -> list[Minimum]:
    """What every group of the query must have for its row to be shown; all of it, so that the largest count wins."""
    found: list[Minimum] = []
    for table in tables:
        if table.name in facts.columns and table.rule_type == AGGREGATION:
            found += aggregation_minimums(facts, table)
        elif table.name in facts.columns and table.rule_type == CUSTOM:
            found += custom_minimums(facts, table)
    return found


def _rule_refusals(facts: QueryFacts, table: QueryTable, querier_tables: frozenset[str]) -> list[str]:
    if table.rule_type == AGGREGATION:
        return aggregation_refusals(facts, table, querier_tables)
    if table.rule_type == LIST:
        return list_refusals(facts, table, querier_tables)
    return custom_refusals(facts, table)


def _analysis_refusals(table: QueryTable, querier_account_id: str, template_arn: str | None) -> list[str]:
    """Whether the query, or its author, is allowed. AGGREGATION and LIST rules take any querier, and no templates."""
    rule = table.rule or {}
    if table.rule_type != CUSTOM:
        if template_arn is None:
            return []
        refusal = f"{table.title} has a rule of type {table.rule_type}, which takes no analysis templates."
        return [f"{refusal} Send the query as queryString."]
    analyses = rule.get("allowedAnalyses") or []
    if template_arn is not None and template_arn in analyses:
        return []
    # docs/sources.md, analysis-rules-custom: what query providers create, templates too, may run without review.
    authors = {querier_account_id} | ({parse_arn(template_arn).account_id} if template_arn is not None else set())
    if ANY_QUERY in analyses and authors & set(rule.get("allowedAnalysisProviders") or []):
        return []
    whose = "its owner decides, in allowedAnalyses (UpdateConfiguredTableAnalysisRule), which it approves."
    if template_arn is not None:
        return [f"{table.title} does not allow the analysis template {template_arn}. Use one that it allows: {whose}"]
    refusal = f"{table.title} does not allow queries that member {querier_account_id} writes."
    return [f"{refusal} Send an analysis template that it allows (analysisTemplateArn): {whose}"]


def _receiver_refusals(table: QueryTable, receiver_account_ids: Sequence[str]) -> list[str]:
    if not receiver_account_ids:
        return [f"{table.title} is asked for results that nobody receives. Name a receiver."]
    field = "allowedResultReceivers"
    refusals = []
    for receiver in sorted(set(receiver_account_ids) - set(_allowed(table, field))):
        remedy = _remedy(table, field, frozenset((receiver,)).intersection)
        refusals.append(
            f"{table.title} does not let member {receiver} receive results. Leave that member out of the receivers: "
            f"the table's owner decides who they are, in {field} ({remedy})."
        )
    return refusals


def _algorithm_refusals(table: QueryTable, association_arn: str) -> list[str]:
    field = "allowedAdditionalAnalyses"

    def fitting(patterns: Iterable[str]) -> list[str]:
        return [pattern for pattern in patterns if arn_matches(pattern, association_arn)]

    if fitting(_allowed(table, field)):
        return []
    refusal = f"{table.title} does not allow the configured model algorithm association {association_arn}."
    return [
        f"{refusal} Use one that it allows: its owner decides which, in {field} ({_remedy(table, field, fitting)})."
    ]


def _allowed(table: QueryTable, field: str) -> Sequence[str]:
    """What both rules of the table allow."""
    return consolidated(table.rule or {}, table.association_rule or {}).get(field) or ()


def _remedy(table: QueryTable, field: str, fitting: Callable[[Iterable[str]], Collection[str]]) -> str:
    """The operations that set the lists in which nothing fits: CUSTOM rules may hold one as well."""
    lists = {"UpdateConfiguredTableAssociationAnalysisRule": (table.association_rule or {}).get(field) or ()}
    own = (table.rule or {}).get(field)
    if own is not None:
        lists["UpdateConfiguredTableAnalysisRule"] = own
    return " and ".join([operation for operation, listed in lists.items() if not fitting(listed)] or lists)


def _column_refusals(table: QueryTable, columns: frozenset[str]) -> list[str]:
    allowed = {column.lower() for column in table.allowed_columns}
    return [
        f"Column '{column}' is not among the columns that {table.title} allows; use one of its allowed columns."
        for column in sorted(columns)
        if column.lower() not in allowed
    ]
