"""Stopping all work of a collaboration, and letting it go on."""

from __future__ import annotations

from datetime import datetime

from whiteroom.administration.sign_ins import note_sign_in
from whiteroom.domain.resources.collaborations import Collaboration
from whiteroom.domain.resources.console_sessions import OPERATOR, Outcome, Way, sign_in
from whiteroom.ports.transaction import Transaction


def stop_work(tx: Transaction, collaboration: Collaboration, now: datetime) -> Collaboration:
    """Let no work be done: what waits or runs ends when its controllers look at it next.

    To repeat it changes nothing. Work is to be made due after the transaction (ports.Store.make_all_due).
    """
    return collaboration if collaboration.stopped_at is not None else _set(tx, collaboration, now, stopped_at=now)


def resume_work(tx: Transaction, collaboration: Collaboration, now: datetime) -> Collaboration:
    """Let work be done again; what was ended stays ended. To repeat it changes nothing."""
    return collaboration if collaboration.stopped_at is None else _set(tx, collaboration, now, stopped_at=None)


def _set(tx: Transaction, collaboration: Collaboration, now: datetime, stopped_at: datetime | None) -> Collaboration:
    outcome = Outcome.WORK_RESUMED if stopped_at is None else Outcome.WORK_STOPPED
    note_sign_in(tx, sign_in(OPERATOR, OPERATOR, Way.OPERATOR, outcome, now, f"Collaboration {collaboration.id}."))
    return tx.collaborations.update(collaboration, stopped_at=stopped_at)
