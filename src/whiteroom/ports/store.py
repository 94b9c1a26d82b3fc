"""The store: where all state is kept.

**Isolation** (decision 0022). Transactions are serializable: what comes of several at once is what would come of them
one after the other. So whoever reads, decides and writes in one transaction decides rightly (budgets, quotas, names,
what may be deleted), and a decision that is made in one transaction and written in another is guarded by the revision
of its record (`Stale`). tests/contract/store/test_isolation.py holds every store to it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from whiteroom.ports.transaction import Transaction


class Work(StrEnum):
    """Kinds of records that a controller drives; each is the name of its repository."""

    ML_INPUT_CHANNELS = "ml_input_channels"
    """Queried, synthesised where asked for, and erased when their time is over."""
    TRAINED_MODELS = "trained_models"
    """Run, packed, and erased when asked to."""
    TRAINED_MODEL_INFERENCE_JOBS = "trained_model_inference_jobs"
    """Run, and delivered."""
    TRAINED_MODEL_EXPORT_JOBS = "trained_model_export_jobs"
    """Delivered."""
    PROTECTED_QUERIES = "protected_queries"
    """Run, paid for, and delivered; a channel's own is the channel's to drive."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease on one record's work."""

    work: Work
    record_id: str
    owner: str
    due_at: datetime
    """As it was when the claim was made: `release` leaves a later wish alone."""


class Store(Protocol):
    """Where all state lives. Safe from any thread, and from other processes on the same folder."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction that may write: serializable, committed durably at the end, rolled back on any exception."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """A consistent view that writes nothing."""

    def claim(self, owner: str, now: datetime, lease_seconds: float) -> Claim | None:
        """Lease the work that has been due longest; a dead owner's lease expires by itself."""

    def extend(self, claim: Claim, now: datetime, lease_seconds: float) -> bool:
        """Keep a lease; False if it was lost, which that of work that has ended is not."""

    def release(self, claim: Claim, next_due_at: datetime | None) -> None:
        """Give a lease back. The work is due again at `next_due_at`, unless a member asked for it meanwhile."""

    def release_all_leases(self) -> None:
        """Give back every lease, whoever holds it. For a server that knows that it is alone, when it starts."""

    def make_all_due(self, now: datetime) -> None:
        """Make all work due now, at the latest. For when the clock was set back: due times are from before."""

    def next_due_at(self) -> datetime | None:
        """When the next unleased work is due."""
