"""What `whiteroom explain --as ACCOUNT` shows: what an owner sees of channels and queries over its tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from whiteroom.cli.output import say, say_table
from whiteroom.cli.problems import Problem
from whiteroom.domain.observability.owned_uses import OwnedUse
from whiteroom.domain.privacy.judgements import judgement_in
from whiteroom.domain.resources.collaborations import Collaboration
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.protected_queries import ProtectedQuery
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.owned_uses import owned_use, owned_uses


def uses_of(tx: Transaction, account_id: str, record: Any) -> Sequence[OwnedUse]:
    """What the account sees of a channel, of a query, or of all channels of a collaboration.

    Raises:
        Problem: it sees nothing, or it is another resource.
    """
    if isinstance(record, Collaboration):
        return list(owned_uses(tx, account_id, record.id))
    if not isinstance(record, MLInputChannel | ProtectedQuery):
        raise Problem(
            "--as shows what an owner sees of a channel, of a protected query, or of a collaboration's channels."
        )
    use = owned_use(tx, account_id, record)
    if use is None:
        raise Problem(f"Account {account_id} sees nothing of it: it did not run it, and no table of its own was read.")
    return [use]


def snapshots_of(record: Any) -> dict[str, str]:
    """Which state of each table of Iceberg or Delta a channel or a query was made from, by the tables' names."""
    judgement = judgement_in(record.judgement) if isinstance(record, MLInputChannel | ProtectedQuery) else None
    return {table.name: table.snapshot for table in judgement.tables if table.snapshot} if judgement else {}


def say_uses(uses: Sequence[OwnedUse]) -> None:
    """One table of all that was read, then each text."""
    if not uses:
        say("No channel was made from this account's tables.")
        return
    rows = [
        (
            use.arn.rpartition("/")[2],
            use.runner_account_id,
            use.status,
            table.name,
            ", ".join(table.columns) or "none: rows were counted",
            _rule(table.rule_type, table.protected_column, moved=table.rule_moved),
            "-" if use.rows is None else f"{use.rows:,}",
            table.snapshot or "-",
        )
        for use in uses
        for table in use.tables
    ]
    say_table(("OF", "RUN BY", "STATUS", "TABLE", "COLUMNS READ", "RULE", "ROWS OUT", "SNAPSHOT"), rows)
    for use in uses:
        digest = "" if use.text_sha256 is None else f" (SHA-256 {use.text_sha256})"
        # As one line: a text that looks like more of this output is still a text.
        text = use.text_withheld if use.text is None else json.dumps(use.text, ensure_ascii=False)
        say(f"\n{use.arn}: {text}{digest}")


def documents(uses: Sequence[OwnedUse]) -> list[dict[str, Any]]:
    """The same, for programs."""
    return [asdict(use) for use in uses]


def _rule(rule_type: str | None, protected_column: str | None, *, moved: bool) -> str:
    noise = "" if protected_column is None else f", with noise for {protected_column}"
    return f"{rule_type or 'gone'}{noise}{', changed since' if moved else ''}"
