"""Ending sessions of the console."""

from __future__ import annotations

from datetime import datetime

from whiteroom.administration.sign_ins import note_sign_in
from whiteroom.domain.resources.console_sessions import OPERATOR, ConsoleSession, Outcome, Way, sign_in
from whiteroom.ports.transaction import Transaction


def end_session(tx: Transaction, session: ConsoleSession, now: datetime) -> None:
    """End it, as the operator: what its browser asks for next is refused. To repeat it changes nothing."""
    if tx.console_sessions.get(session.id) is None:
        return
    tx.console_sessions.remove(session)
    user = tx.users.get(session.user_id)
    name = user.name if user is not None else OPERATOR if session.account_id == OPERATOR else ""
    reason = f"A session that began at {session.created_at:%Y-%m-%d %H:%M:%S} UTC."
    note_sign_in(tx, sign_in(session.account_id, name, Way.OPERATOR, Outcome.ENDED, now, reason))


def end_sessions(tx: Transaction, account_id: str, now: datetime) -> None:
    """End all of an account."""
    for session in tx.console_sessions.all(account_id=account_id):
        end_session(tx, session, now)
