"""How a query was judged, kept beside what it made, so that it can be judged again under the rules of any later moment.

A query is parsed once, where it runs; what it does (domain/privacy/query_facts.py) is kept. An owner that changes or
takes back a rule is obeyed without its text: before anything of a running query is delivered, whenever a channel is
used, and while work on its rows goes on. Loaded by reads/current_rules.py.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from whiteroom.base.documents import NoDocument, from_document, to_document
from whiteroom.domain.privacy.analysis_rules import judge, minimums
from whiteroom.domain.privacy.differential_privacy import PrivacyPolicy
from whiteroom.domain.privacy.query_facts import JudgedTable, Judgement, Minimum, QueryFacts
from whiteroom.domain.privacy.query_tables import QueryTable
from whiteroom.domain.verdicts import ALLOWED, Denied, Verdict


def judgement_of(facts: QueryFacts, required: Iterable[Minimum], tables: Iterable[QueryTable]) -> Judgement:
    """The judgement of a query over these tables, which it reads."""
    read = sorted(tables, key=lambda table: table.name)
    return Judgement(
        facts,
        tuple(required),
        tuple(
            JudgedTable(
                table.name,
                table.association_id,
                rules_revision(table),
                table.identifier,
                table.privacy if table.identifier is not None else None,
                table.source.snapshot.id if table.source.snapshot else "",
            )
            for table in read
        ),
    )


def rules_revision(table: QueryTable) -> str:
    """The same for the same rules, whenever they were set; other rules have another."""
    rules: dict[str, Any] = {
        "columns": sorted(column.lower() for column in table.allowed_columns),
        "type": table.rule_type,
        "rule": table.rule,
        "association": table.association_rule,
        "privacy": None if table.privacy is None or table.identifier is None else asdict(table.privacy),
    }
    return hashlib.sha256(json.dumps(rules, sort_keys=True, default=str).encode()).hexdigest()[:16]


def kept(judgement: Judgement) -> Mapping[str, Any]:
    """The judgement as records hold it."""
    document: Mapping[str, Any] = to_document(judgement)
    return document


def judgement_in(document: Mapping[str, Any] | None) -> Judgement | None:
    """The judgement that a record holds; None where it has none, or one that cannot be read any more."""
    if document is None:
        return None
    try:
        return from_document(Judgement, document)
    except NoDocument:
        return None


def moved(judgement: Judgement, tables: Mapping[str, QueryTable]) -> tuple[str, ...]:
    """Names of the tables whose rules are not those that the query was judged by.

    Args:
        judgement: of the query.
        tables: those that are still shared, with their rules as they are now, by the ids of their associations.
    """
    return tuple(
        table.name
        for table in judgement.tables
        if table.association_id not in tables or rules_revision(tables[table.association_id]) != table.revision
    )


def judge_again(
    judgement: Judgement,
    tables: Mapping[str, QueryTable],
    *,
    querier_account_id: str,
    receiver_account_ids: Sequence[str],
    algorithm_association_arn: str | None,
    template_arn: str | None,
) -> Verdict:
    """Whether the rules of now allow what a query made of these tables. Pure: needs no text of the query.

    Args:
        judgement: what the query does.
        tables: those of `judgement.tables` that are still shared, by the ids of their associations.
        querier_account_id: who asked.
        receiver_account_ids: who gets the rows of a direct query.
        algorithm_association_arn: which algorithm gets the rows of a channel; None for a direct query.
        template_arn: the analysis template that the query comes from, if any.
    """
    gone = [table.name for table in judgement.tables if table.association_id not in tables]
    if gone:
        return Denied(f"Table '{gone[0]}' is no longer associated with the collaboration: its owner has withdrawn it.")
    now = [tables[table.association_id] for table in judgement.tables]
    verdict = judge(
        judgement.facts,
        now,
        querier_account_id=querier_account_id,
        receiver_account_ids=receiver_account_ids,
        algorithm_association_arn=algorithm_association_arn,
        template_arn=template_arn,
    )
    if isinstance(verdict, Denied):
        return verdict
    reasons = [*_noise_refusals(judgement, tables), *_minimum_refusals(judgement, now)]
    return Denied(" ".join(reasons)) if reasons else ALLOWED


def _noise_refusals(judgement: Judgement, tables: Mapping[str, QueryTable]) -> list[str]:
    """What the rows would need more noise for than they have, or noise for another column's values."""
    refusals = []
    for judged in judgement.tables:
        table = tables[judged.association_id]
        if table.identifier is None:
            continue
        if judged.identifier is None:
            refusals.append(
                f"{table.title} has been protected by differential privacy since, and the rows have no noise. Ask "
                "again."
            )
        elif table.identifier != judged.identifier or _users(table.privacy) > _users(judged.privacy):
            refusals.append(f"{table.title} asks for other noise now than the rows have. Ask again.")
    return refusals


def _users(policy: PrivacyPolicy | None) -> int:
    return 0 if policy is None else policy.users_noise_per_query


def _minimum_refusals(judgement: Judgement, tables: Collection[QueryTable]) -> list[str]:
    """Tables whose groups would have to be larger than the query saw to."""
    counted: dict[tuple[int, str, str], int] = {}
    for minimum in judgement.minimums:
        key = (minimum.select, minimum.read.alias, minimum.column)
        counted[key] = max(counted.get(key, 0), minimum.count)
    small = {
        minimum.read.table
        for minimum in minimums(judgement.facts, tables)
        if minimum.count > counted.get((minimum.select, minimum.read.alias, minimum.column), 0)
    }
    titles = [table.title for table in tables if table.name in small]
    return [f"{title} asks for larger groups now than these rows were made of. Ask again." for title in titles]
