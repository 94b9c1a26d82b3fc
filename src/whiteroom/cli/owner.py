"""`whiteroom owner`: what the operator does at once at an owner's request."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import typer

from whiteroom.base.clock import utc_now
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, opened_store
from whiteroom.cli.identities import OfAccount, checked_account
from whiteroom.cli.output import note, say, say_json, say_json_line
from whiteroom.cli.problems import Problem
from whiteroom.domain.resources.configured_tables import ConfiguredTable, ConfiguredTableAnalysisRule
from whiteroom.reads.resting_on import resting_on
from whiteroom.store.transaction import StoreTransaction

OPERATOR = "operator"
"""Who did it, in events."""

app = typer.Typer(rich_markup_mode="markdown")


@app.callback()
def owner() -> None:
    """End all use of an account's tables at once."""


@app.command()
def stop(
    account: OfAccount,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """End all use of all tables of an account, in every collaboration, at once: their analysis rules are deleted.

    Nothing new is made of the tables, nothing that was made of them leaves, and work on them ends within seconds, on a
    server that runs as on one that starts later. The history of everything that rests on them says so (`whiteroom
    explain`). The rules are printed as they were: with CreateConfiguredTableAnalysisRule the account sets them again,
    and what was not erased may be used again.

    Example: `whiteroom owner stop --account 111122223333 > rules.jsonl`
    """
    checked_account(account)
    settings = existing_folder(data)
    with opened_store(settings) as store:
        with store.transaction() as tx:
            if tx.accounts.get(account) is None and not tx.configured_tables.all(account_id=account):
                raise Problem(f"There is no account {account}. `whiteroom accounts list` shows those that are.")
            closed = _closed(tx, account)
            if closed:
                _remark(tx, [table.id for table, _ in closed], account)
            ended = [_document(table, rule) for table, rule in closed]
        store.make_all_due(utc_now())
    if as_json:
        say_json(ended)
        return
    if not ended:
        say(f"No table of account {account} has an analysis rule: nothing can read one, and nothing does.")
        return
    note(
        f"The use of {len(ended)} table{'s' * (len(ended) > 1)} of account {account} has ended. These were the rules; "
        "CreateConfiguredTableAnalysisRule sets them again:"
    )
    for document in ended:
        say_json_line(document)


def _closed(tx: StoreTransaction, account: str) -> list[tuple[ConfiguredTable, ConfiguredTableAnalysisRule]]:
    """Delete the analysis rule of every table of the account; what each was."""
    found = []
    for table in tx.configured_tables.all(account_id=account):
        rule = tx.configured_table_analysis_rules.get(table.id)
        if rule is not None:
            tx.configured_table_analysis_rules.remove(rule)
            found.append((table, rule))
    return found


def _remark(tx: StoreTransaction, table_ids: Collection[str], account: str) -> None:
    """Write into the history of everything that rests on the tables that its use has ended, and by whom."""
    by_room: dict[str, list[str]] = {}
    for table_id in table_ids:
        for association in tx.configured_table_associations.all(configured_table_id=table_id):
            by_room.setdefault(association.collaboration_id, []).append(association.id)
    reason = f"The operator ended all use of the tables of account {account} (whiteroom owner stop)."
    for collaboration_id, association_ids in by_room.items():
        for repository, record in resting_on(tx, collaboration_id, association_ids):
            repository.remark(record, actor=OPERATOR, at=utc_now(), reason=reason)


def _document(table: ConfiguredTable, rule: ConfiguredTableAnalysisRule) -> Mapping[str, Any]:
    """The request of CreateConfiguredTableAnalysisRule that sets the rule again, and the table's name."""
    return {
        "name": table.name,
        "configuredTableIdentifier": table.id,
        "analysisRuleType": rule.type,
        "analysisRulePolicy": rule.policy,
    }
