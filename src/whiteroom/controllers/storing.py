"""Records whose bytes are kept, within the quotas of bytes.

Each is judged in the transaction that writes it down, which the store puts in one order with all others: two who would
both fit alone do not both fit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.steps import Failure
from whiteroom.domain.resources.holdings import (
    Holding,
    HoldingKind,
    Logged,
    fits,
    holding_id,
    of_channel,
    of_log,
    of_model,
)
from whiteroom.domain.resources.ml_input_channels import MLInputChannel
from whiteroom.domain.resources.quotas import Quotas
from whiteroom.domain.resources.trained_models import TrainedModel
from whiteroom.domain.verdicts import Denied
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.holdings import held_by_collaboration, held_by_membership


class NoRoom(Exception):
    """Bytes that were written may not be kept: the step fails with `failure`, and they go as those of any failure."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.failure = Failure(StatusCode.STORAGE_QUOTA_EXCEEDED, reason)


def hold(tx: Transaction, holding: Holding, quotas: Quotas | None) -> None:
    """Write down what is kept from now on. Safe to repeat.

    Args:
        tx: in which the bytes are recorded.
        holding: what is kept.
        quotas: of bytes; None for what is counted and never refused.

    Raises:
        NoRoom: it does not fit.
    """
    held = tx.holdings.get(holding.id)
    if held is not None and held.is_held and held.size_bytes == holding.size_bytes:
        return
    if held is not None:
        tx.holdings.remove(held)
    if quotas is not None:
        require_room(tx, holding.membership_id, holding.collaboration_id, holding.size_bytes, quotas)
    tx.holdings.add(holding)


def release(tx: Transaction, kind: HoldingKind, of: str, now: datetime) -> None:
    """Write down that something is not kept any more. Safe to repeat."""
    held = tx.holdings.get(holding_id(kind, of))
    if held is not None and held.is_held:
        tx.holdings.update(held, is_held=False, ended_at=now)


def require_room(tx: Transaction, membership_id: str, collaboration_id: str, size_bytes: int, quotas: Quotas) -> None:
    """Raise NoRoom where so many bytes more do not fit."""
    if not quotas.bound_bytes:
        return
    verdict = fits(
        size_bytes, held_by_membership(tx, membership_id), held_by_collaboration(tx, collaboration_id), quotas
    )
    if isinstance(verdict, Denied):
        raise NoRoom(verdict.reason)


def settle_log(tx: Transaction, record: Logged, size_bytes: int, now: datetime) -> None:
    """Bring what the log of a run holds in line: it is counted once the run is over, and never refused."""
    if record.status.value not in _RUN_IS_OVER:
        return
    if size_bytes:
        hold(tx, of_log(record, size_bytes, now), None)
    else:
        release(tx, HoldingKind.LOG, record.id, now)


def settle(tx: Transaction, record: Any, now: datetime, quotas: Quotas) -> None:
    """Bring what a channel or a version of a model holds in line with its new status.

    Raises:
        NoRoom: it holds more now than fits.
    """
    match record:
        case MLInputChannel():
            kind, holding = HoldingKind.CHANNEL, of_channel(record, now)
        case TrainedModel():
            kind, holding = HoldingKind.ARTEFACTS, of_model(record, now)
        case _:
            return
    if holding is not None:
        # What a training saved that ran too long was judged when it was kept: its failure is another one.
        hold(tx, holding, None if record.status.value == "CREATE_FAILED" else quotas)
    elif record.status.value in _EMPTY:
        release(tx, kind, record.id, now)


_RUN_IS_OVER = frozenset({"ACTIVE", "CREATE_FAILED", "INACTIVE"})
_EMPTY = frozenset({"INACTIVE", "CREATE_FAILED"})
"""Statuses in which nothing of a record is kept; while it is being deleted something is."""
