"""What members may and pay for, and what rules of tables allow, in words for people who have not read AWS's model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from whiteroom.domain.privacy.consolidated_rules import consolidated
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.privacy.rule_readiness import AGGREGATION, ANY_QUERY, LIST, AnalysisType, missing_for
from whiteroom.domain.resources.collaborations import Ability, Cost, MemberStatus
from whiteroom.domain.resources.payments import falls_to

PAID: Mapping[Cost, str] = {
    Cost.QUERY_COMPUTE: "queries",
    Cost.JOB_COMPUTE: "PySpark jobs",
    Cost.MODEL_TRAINING: "trainings",
    Cost.MODEL_INFERENCE: "inference jobs",
    Cost.SYNTHETIC_DATA_GENERATION: "making synthetic data",
}
"""What somebody pays for."""

ABLE: Mapping[str, str] = {
    Ability.CAN_QUERY: "run queries, and train on what they give",
    Ability.CAN_RECEIVE_RESULTS: "receive results of queries",
    Ability.CAN_RECEIVE_MODEL_OUTPUT: "receive trained models",
    Ability.CAN_RECEIVE_INFERENCE_OUTPUT: "receive what inference jobs give",
    Ability.CAN_EXPORT_QUERY_ANALYSIS_LOG: "export analysis logs",
    Ability.CAN_RUN_JOB: "run PySpark jobs, of which there are none here",
}
"""What an ability lets its member do."""


def listed(texts: Iterable[str]) -> str:
    """`a, b and c`."""
    *others, last = texts
    return f"{', '.join(others)} and {last}" if others else last


def abilities_of(member: Mapping[str, Any]) -> tuple[str, ...]:
    """Every ability of a member, as ListMembers answers it."""
    return (*member["abilities"], *member.get("mlAbilities", {}).get("customMLMemberAbilities", ()))


def may_sentence(member: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> str:
    """What a member may do and pays for."""
    if member["status"] not in (MemberStatus.INVITED, MemberStatus.ACTIVE):
        return "Is no longer part of it."
    able = [ABLE.get(ability, ability) for ability in abilities_of(member)]
    paid = [PAID[cost] for cost in costs_of(member, members)]
    may = f"May {listed(able)}" if able else "May bring tables and algorithms"
    return f"{may}, and pays for {listed(paid)}." if paid else f"{may}."


def costs_of(member: Mapping[str, Any], members: Sequence[Mapping[str, Any]]) -> list[Cost]:
    """What falls to a member, by what the creator has assigned to everybody."""
    configured = [one["paymentConfiguration"] for one in members]
    can_query = Ability.CAN_QUERY in member["abilities"]
    return [c for c in Cost if falls_to(member["paymentConfiguration"], configured, c, can_query=can_query)]


class Names(dict[str, str]):
    """What members are called, with their account: two may call themselves alike."""

    def __missing__(self, account_id: str) -> str:
        return f"account {account_id}"

    def of(self, accounts: Iterable[str]) -> str:
        """Several of them."""
        return listed([self[account] for account in accounts])


def names_of(members: Iterable[Mapping[str, Any]]) -> Names:
    """As ListMembers answers them."""
    return Names({one["accountId"]: f"{one['displayName']} ({one['accountId']})" for one in members})


def rule_sentences(table: QueryTable, names: Names) -> Iterator[str]:
    """What the rules of a table allow of direct queries, and what they hold every analysis to."""
    policy = consolidated(table.rule or {}, table.association_rule or {})
    closed = _closed(table, AnalysisType.DIRECT)
    if closed:
        yield f"Nobody gets its rows by a query. {closed}"
    else:
        yield f"{_queries(table, policy, names)}; results may go to {names.of(policy['allowedResultReceivers'])}."
    yield from _controls(table, policy)


def channel_sentence(table: QueryTable, readers: Sequence[str]) -> str:
    """Which algorithms a table's rules let its rows reach.

    Args:
        table: with both its rules.
        readers: what those algorithms are called.
    """
    if readers:
        return f"May be trained and applied on its rows: {listed(readers)}."
    return f"No algorithm may read it. {_closed(table, AnalysisType.ADDITIONAL)}".strip()


def _closed(table: QueryTable, analysis_type: AnalysisType) -> str:
    """Why a table is not read so, in sentences: as its owner wants it, or before it has said what it wants."""
    missing = missing_for(table, analysis_type)
    wanted = [item for item in missing if item.closed]
    return " ".join(item.message for item in wanted or missing)


def _queries(table: QueryTable, policy: Mapping[str, Any], names: Names) -> str:
    if table.rule_type == AGGREGATION:
        return "Whoever may run queries gets aggregates of it"
    if table.rule_type == LIST:
        return "Whoever may run queries gets the rows of it that match its own"
    analyses = policy.get("allowedAnalyses") or ()
    if ANY_QUERY in analyses:
        return f"Any query that {names.of(policy['allowedAnalysisProviders'])} writes may read it"
    count = len(analyses)
    return f"{count} approved template{'s' * (count != 1)}, and no other query, may read it"


def _controls(table: QueryTable, policy: Mapping[str, Any]) -> Iterator[str]:
    """What else a rule says, of any type."""
    if table.rule_type == AGGREGATION:
        functions = [
            f"{one['function'].replace('_', ' ')} of {', '.join(one['columnNames'])}"
            for one in policy.get("aggregateColumns", ())
        ]
        yield f"Aggregates: {'; '.join(functions) or 'none'}."
        yield f"Groups by: {_columns(policy.get('dimensionColumns'))}."
    if table.rule_type in (AGGREGATION, LIST):
        yield f"Joined by: {_columns(policy.get('joinColumns'))}."
    if table.rule_type == LIST:
        yield f"Columns that may be listed: {_columns(policy.get('listColumns'))}."
    for one in policy.get("outputConstraints") or ():
        yield _minimum(one["minimum"], one["columnName"])
    for one in policy.get("aggregationThresholds") or ():
        yield _minimum(one["minimumIdentityCount"], _columns(one["identityColumns"]))
    if policy.get("disallowedOutputColumns"):
        yield f"Never in a result: {_columns(policy['disallowedOutputColumns'])}."
    for name, what in (("Literal", "a value"), ("Column", "another column")):
        allowed = (policy.get("comparisonControls") or {}).get(f"allowed{name}ComparisonColumns")
        if allowed is not None:
            yield f"Compared with {what}: {_columns(allowed)} alone."
    if table.identifier is not None:
        yield f"Results have noise, which hides whether any one value of {table.identifier} is there."


def _minimum(count: int, columns: str) -> str:
    return f"No group with fewer than {count} different values of {columns} is shown."


def _columns(columns: Iterable[str] | None) -> str:
    return ", ".join(columns or ()) or "nothing"
