"""Adds what work took of the machine to its payer's bill: each part once, however often the server is killed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from whiteroom.domain.execution.spending import NOTHING_SPENT, Spent
from whiteroom.domain.resources.usage import Metered, entry_of
from whiteroom.ports.store import Store
from whiteroom.ports.transaction import Transaction


def add(tx: Transaction, metered: Metered, spent: Mapping[date, Spent], now: datetime) -> None:
    """Count what was found, by the day of its measurement, in the transaction that says so. Not to be repeated."""
    for day, more in spent.items():
        if more == NOTHING_SPENT:
            continue
        empty = entry_of(metered, day, now)
        entry = tx.usage.get(empty.id) or tx.usage.add(empty)
        total = entry.spent + more
        tx.usage.update(entry, seconds=total.seconds, cpu_seconds=total.cpu_seconds, byte_seconds=total.byte_seconds)


def raise_to(store: Store, metered: Metered, total: Spent, now: datetime) -> None:
    """Count what is more in a total than was counted of the work before. Safe to repeat."""
    if total == NOTHING_SPENT:
        return
    with store.transaction() as tx:
        counted = NOTHING_SPENT
        for entry in tx.usage.all(resource_id=metered.resource_id, kind=metered.kind):
            counted += entry.spent
        add(tx, metered, {now.astimezone(UTC).date(): total.beyond(counted)}, now)
