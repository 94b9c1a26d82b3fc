"""A collaboration at a glance: what its members are shown of it, put together from what operations answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whiteroom.console.drawing import MOST_BOXES, Drawing, Item, drawn
from whiteroom.console.lists import Listed, every
from whiteroom.console.sentences import Names, abilities_of, channel_sentence, names_of, rule_sentences
from whiteroom.console.visitors import Visitor
from whiteroom.domain.privacy.analysis_rules import algorithm_may_read
from whiteroom.domain.privacy.consolidated_rules import consolidated
from whiteroom.domain.privacy.differential_privacy import DIFFERENTIAL_PRIVACY, PrivacyPolicy
from whiteroom.domain.privacy.policies import PrivacyPolicies
from whiteroom.domain.privacy.query_tables import CatalogTable, FileFormat, QueryTable
from whiteroom.domain.privacy.rule_readiness import AnalysisType, missing_for
from whiteroom.domain.resources.collaborations import Ability, MemberStatus
from whiteroom.domain.resources.configured_tables import policy_of_type
from whiteroom.domain.verdicts import Denied

_AT_A_TIME = 25
"""Rules that BatchGetSchemaAnalysisRule answers at once."""
_QUERIES = "queries"
"""The key of the box of direct queries; no ARN is that."""


@dataclass(frozen=True, slots=True)
class SeenTable:
    """A table, and what its rules allow."""

    name: str
    owner: str
    rule_type: str
    """Empty where it has none."""
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeenBudget:
    """A bar: what is left of a budget."""

    what: str
    left: int
    whole: int
    unit: str


@dataclass(frozen=True, slots=True)
class Glance:
    """All of it."""

    tables: tuple[SeenTable, ...]
    algorithms: tuple[tuple[str, str], ...]
    """What each is called, and what it may read, in a sentence."""
    drawing: Drawing
    budgets: tuple[SeenBudget, ...]
    is_cut: bool
    """Whether there are more tables, algorithms or budgets than a page shows."""


async def glance(visitor: Visitor, collaboration_id: str, members: Sequence[Mapping[str, Any]]) -> Glance:
    """What an active member sees.

    Raises:
        Refused: the visitor's account is none.
    """
    here = {"collaborationIdentifier": collaboration_id}
    schemas, algorithms, uses, private = await asyncio.gather(
        every(visitor, "cleanrooms", "ListSchemas", "schemaSummaries", **here),
        every(
            visitor,
            "cleanrooms-ml",
            "ListCollaborationConfiguredModelAlgorithmAssociations",
            "collaborationConfiguredModelAlgorithmAssociations",
            **here,
        ),
        _budgets(visitor, here, "ACCESS_BUDGET"),
        _budgets(visitor, here, DIFFERENTIAL_PRIVACY),
    )
    rules = await _rules(visitor, here, schemas.items)
    protected = {one["creatorAccountId"] for one in private.items}
    tables = [_table(one, rules.get(one["name"]), protected) for one in schemas.items]
    exporting = await _exporting(visitor, here, algorithms.items[:MOST_BOXES])
    names = names_of(members)
    return Glance(
        tables=tuple(_seen(table, algorithms.items, names) for table in tables),
        algorithms=tuple((_called(one, names), _reads(one, tables)) for one in algorithms.items),
        drawing=_drawing(tables, algorithms.items, members, exporting, names),
        budgets=(*_access_bars(uses.items, schemas.items), *_private_bars(private.items, names)),
        is_cut=any(found.is_cut for found in (schemas, algorithms, uses, private)),
    )


async def _budgets(visitor: Visitor, here: Mapping[str, str], kind: str) -> Listed:
    key = "collaborationPrivacyBudgetSummaries"
    return await every(visitor, "cleanrooms", "ListCollaborationPrivacyBudgets", key, privacyBudgetType=kind, **here)


async def _rules(
    visitor: Visitor, here: Mapping[str, str], schemas: Sequence[Mapping[str, Any]]
) -> dict[str, Mapping[str, Any]]:
    wanted = [{"name": one["name"], "type": kind} for one in schemas for kind in one["analysisRuleTypes"]]
    found: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(wanted), _AT_A_TIME):
        some = wanted[start : start + _AT_A_TIME]
        answer = await visitor.call("cleanrooms", "BatchGetSchemaAnalysisRule", schemaAnalysisRuleRequests=some, **here)
        found |= {rule["name"]: rule for rule in answer["analysisRules"]}
    return found


async def _exporting(
    visitor: Visitor, here: Mapping[str, str], algorithms: Iterable[Mapping[str, Any]]
) -> frozenset[str]:
    """Those whose policies let a model be exported."""
    found = set()
    for one in algorithms:
        arn = one["configuredModelAlgorithmAssociationArn"]
        answer = await visitor.call(
            "cleanrooms-ml",
            "GetCollaborationConfiguredModelAlgorithmAssociation",
            configuredModelAlgorithmAssociationArn=arn,
            **here,
        )
        if PrivacyPolicies.parse(answer.get("privacyConfiguration")).exports is not None:
            found.add(arn)
    return frozenset(found)


def _table(schema: Mapping[str, Any], rule: Mapping[str, Any] | None, protected: set[str]) -> QueryTable:
    """A schema and its rules, as the guard would judge them; of its columns nothing is known here, or needed."""
    inner: dict[str, Any] = {"rule": None, "association_rule": None}
    if rule is not None:
        for field, key in (("rule", "policy"), ("association_rule", "collaborationPolicy")):
            policy = policy_of_type(rule["type"], rule[key]) if rule.get(key) else None
            inner[field] = None if isinstance(policy, Denied) else policy
    owner = schema["creatorAccountId"]
    return QueryTable(
        name=schema["name"],
        owner_account_id=owner,
        source=CatalogTable((), FileFormat.CSV, ()),
        allowed_columns=(),
        rule_type=None if rule is None else rule["type"],
        privacy=PrivacyPolicy("", 0) if owner in protected else None,
        **inner,
    )


def _seen(table: QueryTable, algorithms: Iterable[Mapping[str, Any]], names: Names) -> SeenTable:
    readers = [_called(one, names) for one in algorithms if algorithm_may_read(table, _arn(one))]
    sentences = (*rule_sentences(table, names), channel_sentence(table, readers))
    return SeenTable(table.name, names[table.owner_account_id], table.rule_type or "", tuple(dict.fromkeys(sentences)))


def _arn(algorithm: Mapping[str, Any]) -> str:
    return str(algorithm["configuredModelAlgorithmAssociationArn"])


def _called(algorithm: Mapping[str, Any], names: Names) -> str:
    return f"{algorithm['name']} of {names[algorithm['creatorAccountId']]}"


def _reads(algorithm: Mapping[str, Any], tables: Iterable[QueryTable]) -> str:
    read = [table.name for table in tables if algorithm_may_read(table, _arn(algorithm))]
    return f"May read {', '.join(read)}." if read else "May read no table."


def _drawing(
    tables: Sequence[QueryTable],
    algorithms: Sequence[Mapping[str, Any]],
    members: Iterable[Mapping[str, Any]],
    exporting: frozenset[str],
    names: Names,
) -> Drawing:
    """Tables, what may read them, and who may receive of that."""
    active = [one for one in members if one["status"] == MemberStatus.ACTIVE]
    able = {one["accountId"]: abilities_of(one) for one in active}
    open_tables = [table for table in tables if not missing_for(table, AnalysisType.DIRECT)]
    links = [(f"table {table.name}", _QUERIES) for table in open_tables]
    links += [
        (f"table {table.name}", _arn(one))
        for table in tables
        for one in algorithms
        if algorithm_may_read(table, _arn(one))
    ]
    results: set[str] = set()
    for table in open_tables:
        results |= set(consolidated(table.rule or {}, table.association_rule or {})["allowedResultReceivers"])
    links += [(_QUERIES, f"to {one}") for one in able if one in results and Ability.CAN_RECEIVE_RESULTS in able[one]]
    for one in algorithms:
        links += [(_arn(one), f"to {member}") for member in able if _receives(able[member], _arn(one) in exporting)]
    receiving = [one for one in able if any(end == f"to {one}" for _, end in links)]
    queries = [Item(_QUERIES, "Queries", "their results")] if open_tables else []
    makers = [Item(_arn(one), one["name"], names[one["creatorAccountId"]]) for one in algorithms]
    columns = (
        ("Tables", [Item(f"table {one.name}", one.name, names[one.owner_account_id]) for one in tables]),
        ("May read them", [*queries, *makers]),
        ("May receive of that", [Item(f"to {one}", names[one], "") for one in receiving]),
    )
    return drawn(columns, links)


def _receives(abilities: Iterable[str], exports: bool) -> bool:
    wanted = {Ability.CAN_RECEIVE_INFERENCE_OUTPUT, *([Ability.CAN_RECEIVE_MODEL_OUTPUT] if exports else [])}
    return bool(wanted & set(abilities))


_PERIODS = {
    "CALENDAR_DAY": "today",
    "CALENDAR_WEEK": "this week",
    "CALENDAR_MONTH": "this month",
    "LIFETIME": "ever",
}


def _access_bars(budgets: Iterable[Mapping[str, Any]], schemas: Iterable[Mapping[str, Any]]) -> Iterable[SeenBudget]:
    tables = {one.get("resourceArn"): one["name"] for one in schemas}
    for budget in budgets:
        access = budget["budget"]["accessBudget"]
        name = tables.get(access["resourceArn"])
        for detail in access["details"]:
            if name is not None:
                what = f"Uses of {name}, {_PERIODS.get(detail['budgetType'], detail['budgetType'])}"
                yield SeenBudget(what, detail["remainingBudget"], detail["budget"], "uses")


def _private_bars(budgets: Iterable[Mapping[str, Any]], names: Names) -> Iterable[SeenBudget]:
    for budget in budgets:
        for one in budget["budget"]["differentialPrivacy"]["aggregations"]:
            kind = one["type"].replace("_", " ")
            what = f"{kind} with noise, over tables of {names[budget['creatorAccountId']]}"
            yield SeenBudget(what, one["remainingCount"], one["maxCount"], "aggregates")
