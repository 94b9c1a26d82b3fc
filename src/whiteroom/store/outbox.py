"""The outbox: that a job has ended, written in the transaction that ends it, for whoever is told of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.observability.notifications import ENDS, OutboxEntry
from whiteroom.store.repositories import TableRepository
from whiteroom.store.session import Session
from whiteroom.store.tables import RECORDS


def announce(session: Session, kind: str, record: Any, event: Event, at: datetime) -> None:
    """Write it down, where it is an end and anybody is told of anything."""
    if event not in ENDS or not TableRepository[Any](session, RECORDS["notification_addresses"]).count(1):
        return
    entry = OutboxEntry(
        id=f"{kind}/{record.id}/{record.revision}",
        kind=kind,
        record_id=record.id,
        event=event,
        status=record.status.value,
        code=record.status_code,
        created_at=at,
    )
    TableRepository[Any](session, RECORDS["outbox"]).add(entry)
    session.work_changed = True
