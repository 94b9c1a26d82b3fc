"""Writing down who signed in, who was refused, and what the operator did about it."""

from __future__ import annotations

from whiteroom.domain.resources.console_sessions import MOST_OF_A_USER, MOST_SIGN_INS, SignIn
from whiteroom.ports.transaction import Transaction


def note_sign_in(tx: Transaction, entry: SignIn) -> None:
    """Write it down, and let go of the oldest beyond what is kept: first the user's own, then the account's.

    So whoever signs in again and again pushes out no more than its own.
    """
    tx.sign_ins.add(entry)
    kept = list(tx.sign_ins.all(account_id=entry.account_id))
    for old in [one for one in kept if one.user == entry.user][:-MOST_OF_A_USER]:
        kept.remove(old)
        tx.sign_ins.remove(old)
    for old in kept[:-MOST_SIGN_INS]:
        tx.sign_ins.remove(old)
