"""`whiteroom owner`: what the operator does at once at an owner's request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from whiteroom.administration.owners import end_use
from whiteroom.base.clock import utc_now
from whiteroom.cli.folder import DEFAULT_DATA, AsJson, Data, existing_folder, opened_store
from whiteroom.cli.identities import OfAccount, checked_account
from whiteroom.cli.output import note, say, say_json, say_json_line
from whiteroom.cli.problems import Problem
from whiteroom.domain.resources.configured_tables import ConfiguredTable, ConfiguredTableAnalysisRule

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
            ended = [_document(table, rule) for table, rule in end_use(tx, account, utc_now())]
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


def _document(table: ConfiguredTable, rule: ConfiguredTableAnalysisRule) -> Mapping[str, Any]:
    """The request of CreateConfiguredTableAnalysisRule that sets the rule again, and the table's name."""
    return {
        "name": table.name,
        "configuredTableIdentifier": table.id,
        "analysisRuleType": rule.type,
        "analysisRulePolicy": rule.policy,
    }
