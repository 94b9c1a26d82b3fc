"""What an owner sees of the channels and queries that were made from its tables.

Who sees what of them: domain/observability/owned_uses.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from whiteroom.domain.observability.analysis_logs import LogStage, digest_of
from whiteroom.domain.observability.owned_uses import OwnedUse, OwnTable, may_read_text
from whiteroom.domain.privacy.judgements import judgement_in, rules_revision
from whiteroom.domain.privacy.query_facts import Judgement
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.domain.verdicts import Denied
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.query_tables import referenced


def owned_uses(tx: Transaction, account_id: str, collaboration_id: str) -> Iterator[OwnedUse]:
    """Every channel of a collaboration that was made from tables of the account, oldest first."""
    for channel in tx.ml_input_channels.all(collaboration_id=collaboration_id):
        use = owned_use(tx, account_id, channel)
        if use is not None and use.tables:
            yield use


def owned_use(tx: Transaction, account_id: str, record: MLInputChannel | ProtectedQuery) -> OwnedUse | None:
    """What the account sees of a channel or a query; None where it ran neither, and no table of its own was read."""
    channel = record if isinstance(record, MLInputChannel) else None
    query = record if channel is None else tx.protected_queries.get(channel.protected_query_id)
    if not isinstance(query, ProtectedQuery):
        return None
    judgement = judgement_in(record.judgement)
    tables = () if judgement is None else tuple(_own_tables(tx, account_id, judgement))
    if not tables and account_id != record.account_id:
        return None
    template_arn = query.sql_parameters.get("analysisTemplateArn") or None
    template = None if template_arn is None else tx.analysis_templates.find(arn=template_arn)
    source = query.sql_parameters if template is None else {"queryString": template.source["text"]}
    text: str | None = source.get("queryString") or None
    logged = [event for event in tx.analysis_logs.of(query.id, LogStage.SUBMISSION) if event.account_id == account_id]
    verdict = may_read_text(
        account_id,
        record.account_id,
        template_arn,
        None if template is None else template.account_id,
        {table.name: _custom_rule(tx, table.association_id) for table in tables},
        logged=any("queryText" in event.message for event in logged),
    )
    return OwnedUse(
        arn=record.arn,
        runner_account_id=record.account_id,
        status=record.status.value,
        algorithm_association_arn=None if channel is None else channel.association_arn,
        template_arn=template_arn,
        tables=tables,
        rows=None if channel is None else channel.number_of_records,
        text=text if verdict else None,
        text_sha256=None if text is None else digest_of(text),
        text_withheld=verdict.reason if isinstance(verdict, Denied) else "",
    )


def _own_tables(tx: Transaction, account_id: str, judgement: Judgement) -> Iterator[OwnTable]:
    for judged in judgement.tables:
        association = tx.configured_table_associations.get(judged.association_id)
        if association is None or association.account_id != account_id:
            continue
        found = referenced(tx, association)
        yield OwnTable(
            name=judged.name,
            association_id=judged.association_id,
            columns=tuple(sorted(judgement.facts.columns.get(judged.name, ()))),
            rule_type=None if found is None else found[0].rule_type,
            protected_column=judged.identifier,
            rule_revision=judged.revision,
            rule_moved=found is None or rules_revision(found[0]) != judged.revision,
            snapshot=judged.snapshot,
        )


def _custom_rule(tx: Transaction, association_id: str) -> dict[str, Any]:
    association = tx.configured_table_associations.get(association_id)
    rule = None if association is None else tx.configured_table_analysis_rules.get(association.configured_table_id)
    return {} if rule is None else dict(rule.policy.get("v1", {}).get("custom", {}))
