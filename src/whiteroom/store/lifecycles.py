"""ports.LifecycleRepository, over any table of a kind that goes through states; and the trail of its events."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from whiteroom.base.callers import Caller
from whiteroom.domain.execution.lifecycle import Event, Lifecycle
from whiteroom.domain.observability.events import EventSummary, ResourceEvent
from whiteroom.ports.repositories import Actor, Stale
from whiteroom.store import tables
from whiteroom.store.codec import from_micros, to_micros
from whiteroom.store.outbox import announce
from whiteroom.store.repositories import TableRepository
from whiteroom.store.session import Session, change, rows_of
from whiteroom.store.tables import RecordTable

R = TypeVar("R")

_EVENT = (
    *("arn", "record_id", "revision", "event", "from_status", "to_status"),
    *("actor", "user", "principal", "reason", "at"),
)
"""The columns of an event."""


class TableLifecycleRepository(TableRepository[R]):
    """ports.LifecycleRepository over one table: every write names the revision it saw and leaves an event."""

    def __init__(self, session: Session, entry: RecordTable, lifecycle: Lifecycle[Any]) -> None:
        super().__init__(session, entry)
        self._lifecycle = lifecycle

    def submit(self, record: R, *, actor: Actor, reason: str = "") -> R:
        self._insert(record)
        state: Any = record
        self._event(state, Event.CREATED, None, actor, reason, state.created_at)
        self._set_work(state.id, state.created_at)
        return record

    def transition(
        self,
        record: R,
        event: Event,
        *,
        actor: Actor,
        at: datetime,
        reason: str = "",
        due_at: datetime | None = None,
        **changes: object,
    ) -> R:
        lifecycle = self._lifecycle
        state: Any = record
        status = lifecycle.next(state.status, event)
        changed: Any = self._revise(record, at, {**changes, "status": status})
        self._event(changed, event, state.status, actor, reason, at)
        announce(self._session, self._name, changed, event, at)
        if due_at is not None:
            self._set_work(state.id, due_at)
        elif lifecycle.at_rest(status):
            self._end_work(state.id)
        else:
            self._set_work(state.id, at)
        return changed  # type: ignore[no-any-return]

    def note(self, record: R, *, actor: Actor, at: datetime, reason: str = "", **changes: object) -> R:
        changed: Any = self._revise(record, at, changes)
        if reason:
            self._event(changed, Event.NOTED, changed.status, actor, reason, at)
        return changed  # type: ignore[no-any-return]

    def remark(self, record: R, *, actor: Actor, at: datetime, reason: str) -> None:
        state: Any = record
        self._event(state, Event.NOTED, state.status, actor, reason, at)

    def working(self) -> tuple[R, ...]:
        work, table = tables.work, self._table
        rows = rows_of(
            self._session,
            (self._name, "working"),
            lambda: (
                sa.select(table)
                .join(work, work.c.record_id == table.c.id)
                .where(work.c.kind == sa.bindparam("work_kind"))
                .order_by(table.c.created_at, table.c.id)
            ),
            {"work_kind": self._name},
        )
        return tuple(map(self._decode, rows))

    def _revise(self, record: R, at: datetime, changes: Mapping[str, object]) -> R:
        state: Any = record
        changes = {**changes, "revision": state.revision + 1, "updated_at": at}
        changed = dataclasses.replace(state, **changes)
        if not self._write(changed, changes, guard=state.revision):
            raise Stale(f"{self._name} {state.id} is no longer at revision {state.revision}.")
        return changed  # type: ignore[no-any-return]

    def _event(self, state: Any, event: Event, before: Any, actor: Actor, reason: str, at: datetime) -> None:
        caller = actor if isinstance(actor, Caller) else None
        change(
            self._session,
            ("events", "insert"),
            lambda: sa.insert(tables.events).values({name: sa.bindparam(name) for name in _EVENT}),
            {
                "arn": _event_arn(state),
                "record_id": state.id,
                "revision": state.revision,
                "event": event.value,
                "from_status": None if before is None else before.value,
                "to_status": state.status.value,
                "actor": actor if caller is None else caller.account_id,
                "user": None if caller is None else caller.user,
                "principal": None if caller is None else caller.arn,
                "reason": reason,
                "at": to_micros(at),
            },
        )

    def _set_work(self, record_id: str, due_at: datetime) -> None:
        work = tables.work
        values = {"work_id": f"{self._name}/{record_id}", "new_due_at": to_micros(due_at)}
        self._session.work_changed = True
        updated = change(
            self._session,
            ("work", "wish"),
            lambda: (
                sa.update(work).where(work.c.id == sa.bindparam("work_id")).values(due_at=sa.bindparam("new_due_at"))
            ),
            values,
        )
        if not updated:
            columns = ("id", "kind", "record_id", "due_at")
            change(
                self._session,
                ("work", "add"),
                lambda: sa.insert(work).values({name: sa.bindparam(name) for name in columns}),
                {
                    "id": values["work_id"],
                    "kind": self._name,
                    "record_id": record_id,
                    "due_at": values["new_due_at"],
                },
            )

    def _end_work(self, record_id: str) -> None:
        change(
            self._session,
            ("work", "end"),
            lambda: sa.delete(tables.work).where(tables.work.c.id == sa.bindparam("work_id")),
            {"work_id": f"{self._name}/{record_id}"},
        )


def _event_arn(state: Any) -> str:
    """What a record's events are filed under: its ARN, or for an export job, which has none, its model's."""
    return str(getattr(state, "arn", None) or state.trained_model_arn)


def remove_events(session: Session, record: Any) -> None:
    """ports.Transaction.forget_events. Versions of a model share an ARN, and only one's events go."""
    table = tables.events
    change(
        session,
        ("events", "remove"),
        lambda: sa.delete(table).where(
            table.c.arn == sa.bindparam("of_arn"), table.c.record_id == sa.bindparam("of_record")
        ),
        {"of_arn": _event_arn(record), "of_record": record.id},
    )


def read_events(session: Session, arn: str) -> tuple[ResourceEvent, ...]:
    """ports.Transaction.events."""
    table = tables.events
    rows = rows_of(
        session,
        ("events", "by arn"),
        lambda: (
            sa.select(*(table.c[name] for name in _EVENT))
            .where(table.c.arn == sa.bindparam("arn"))
            .order_by(table.c.seq)
        ),
        {"arn": arn},
    )
    return tuple(
        ResourceEvent(
            arn, record_id, revision, Event(event), before, after, actor, user, principal, reason, from_micros(at)
        )
        for arn, record_id, revision, event, before, after, actor, user, principal, reason, at in rows
    )


_SUMMARY = ("seq", "arn", "event", "from_status", "to_status", "actor", "user", "at")
"""The columns of a summary, in the order of its fields."""


def read_newest_events(session: Session, limit: int, before: int | None) -> tuple[EventSummary, ...]:
    """ports.Transaction.newest_events."""
    table = tables.events

    def statement() -> sa.Select[Any]:
        found = sa.select(*(table.c[name] for name in _SUMMARY)).order_by(table.c.seq.desc())
        found = found if before is None else found.where(table.c.seq < sa.bindparam("before"))
        return found.limit(sa.bindparam("page_limit"))

    values = {"page_limit": limit} if before is None else {"page_limit": limit, "before": before}
    rows = rows_of(session, ("events", "newest", before is None), statement, values)
    return tuple(
        EventSummary(place, arn, Event(event), from_status, to_status, actor, user, from_micros(at))
        for place, arn, event, from_status, to_status, actor, user, at in rows
    )
