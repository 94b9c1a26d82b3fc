"""Gauges of waiting work and of runs, read when Prometheus asks."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from whiteroom.domain.observability.notifications import MOST_PENDING
from whiteroom.ports.runtime import Runtime
from whiteroom.ports.store import Store, Work
from whiteroom.web.openmetrics import Family, Labels, gauge


def disk(folder: Path) -> Sequence[Family]:
    """How large the file system of the data folder is, and how much of it the server can still write."""
    facts = os.statvfs(folder)
    free, all_of_it = (float(blocks * facts.f_frsize) for blocks in (facts.f_bavail, facts.f_blocks))
    return (
        gauge("whiteroom_disk_free_bytes", "Room on the data folder's file system.", {(): free}, "bytes"),
        gauge("whiteroom_disk_bytes", "Size of the data folder's file system.", {(): all_of_it}, "bytes"),
    )


def damage(tables: Collection[str]) -> Sequence[Family]:
    """How many tables of the database are damaged, and not written to."""
    return (gauge("whiteroom_database_damaged_tables", "Tables in which damage was found.", {(): float(len(tables))}),)


def state(store: Store, runtime: Runtime, now: datetime) -> Sequence[Family]:
    """The work of the controllers by kind and status, how late it is, and the runs that hold something."""
    with store.reading() as tx:
        found = Counter((kind.value, record.status.value) for kind in Work for record in getattr(tx, kind).working())
        addresses = tx.notification_addresses.all()
        waiting = sum(tx.notices.count(MOST_PENDING, address_id=address.id) for address in addresses)
    due_at = store.next_due_at()
    late = 0.0 if due_at is None else max(0.0, (now - due_at).total_seconds())
    failing = max(((now - one.failing_since).total_seconds() for one in addresses if one.failing_since), default=0.0)
    runs = float(len(list(runtime.runs())))
    work: dict[Labels, float] = {
        (("kind", kind), ("status", status)): float(number) for (kind, status), number in found.items()
    }
    return (
        gauge("whiteroom_work", "Records that a controller has work with, now or at a later time.", work),
        gauge("whiteroom_work_late_seconds", "How long the work has been due that nobody does.", {(): late}, "seconds"),
        gauge("whiteroom_runs", "Runs of programs that hold something on this machine.", {(): runs}),
        gauge("whiteroom_notices_waiting", "Notices that wait to be taken.", {(): float(waiting)}),
        gauge(
            "whiteroom_notifications_failing_seconds",
            "How long the address has failed that fails longest.",
            {(): failing},
            "seconds",
        ),
    )
