"""Ending all use of an account's tables."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from whiteroom.administration.sign_ins import note_sign_in
from whiteroom.domain.resources.configured_tables import ConfiguredTable, ConfiguredTableAnalysisRule
from whiteroom.domain.resources.console_sessions import OPERATOR, Outcome, Way, sign_in
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.resting_on import resting_on


def end_use(
    tx: Transaction, account_id: str, now: datetime
) -> list[tuple[ConfiguredTable, ConfiguredTableAnalysisRule]]:
    """Delete the analysis rule of every table of the account; answers the tables, and what each rule was.

    Everything that rests on them is told in its history. To repeat it changes nothing. Work is to be made due after the
    transaction (ports.Store.make_all_due).
    """
    ended = ruled_tables(tx, account_id)
    for _, rule in ended:
        tx.configured_table_analysis_rules.remove(rule)
    if ended:
        _remark(tx, [table.id for table, _ in ended], account_id, now)
        reason = f"Tables that had a rule: {len(ended)}."
        note_sign_in(tx, sign_in(account_id, "", Way.OPERATOR, Outcome.USE_ENDED, now, reason))
    return ended


def ruled_tables(tx: Transaction, account_id: str) -> list[tuple[ConfiguredTable, ConfiguredTableAnalysisRule]]:
    """The account's tables that anything can be made of, with what allows that."""
    found = []
    for table in tx.configured_tables.all(account_id=account_id):
        rule = tx.configured_table_analysis_rules.get(table.id)
        if rule is not None:
            found.append((table, rule))
    return found


def _remark(tx: Transaction, table_ids: Collection[str], account_id: str, now: datetime) -> None:
    """Write into the history of everything that rests on the tables that its use has ended, and by whom."""
    by_room: dict[str, list[str]] = {}
    for table_id in table_ids:
        for association in tx.configured_table_associations.all(configured_table_id=table_id):
            by_room.setdefault(association.collaboration_id, []).append(association.id)
    reason = f"The operator ended all use of the tables of account {account_id} (whiteroom owner stop)."
    for collaboration_id, association_ids in by_room.items():
        for repository, record in resting_on(tx, collaboration_id, association_ids):
            repository.remark(record, actor=OPERATOR, at=now, reason=reason)
