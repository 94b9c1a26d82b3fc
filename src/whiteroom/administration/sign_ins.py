"""Writing down who signed in, who was refused, and what the operator did about it."""

from __future__ import annotations

from whiteroom.domain.resources.console_sessions import MOST_SIGN_INS, SignIn
from whiteroom.ports.transaction import Transaction


def note_sign_in(tx: Transaction, entry: SignIn) -> None:
    """Write it down, and let go of the account's oldest beyond what is kept."""
    tx.sign_ins.add(entry)
    if tx.sign_ins.count(MOST_SIGN_INS + 1, account_id=entry.account_id) > MOST_SIGN_INS:
        for old in tx.sign_ins.all(account_id=entry.account_id)[:-MOST_SIGN_INS]:
            tx.sign_ins.remove(old)
