"""The repositories of ports.Transaction, over any table of tables.py."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import msgspec
import sqlalchemy as sa

from whiteroom.domain.events import ResourceEvent
from whiteroom.domain.lifecycle import Event
from whiteroom.ports import Page, PageKey, Stale
from whiteroom.store import tables
from whiteroom.store.codec import RecordCodec, from_micros, to_micros
from whiteroom.store.statements import Prepared, prepare
from whiteroom.store.tables import RecordTable

R = TypeVar("R")
V = TypeVar("V")

Statement = Callable[[], sa.sql.ClauseElement]


class Session(Protocol):
    """One open transaction on a driver's connection."""

    dialect: sa.engine.Dialect
    cache: dict[Any, Prepared]
    """Compiled statements, shared by all sessions of a store."""
    work_changed: bool
    """Set when this transaction made work for the controllers."""

    def run(self, prepared: Prepared, values: Mapping[str, Any]) -> tuple[list[tuple[Any, ...]], int]:
        """Execute; answers the rows and the number of rows that were changed.

        Raises:
            Duplicate: a unique constraint forbids it.
        """


def _run(session: Session, key: Any, statement: Statement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return session.run(_prepared(session, key, statement), values)[0]


def _change(session: Session, key: Any, statement: Statement, values: Mapping[str, Any]) -> int:
    return session.run(_prepared(session, key, statement), values)[1]


def _prepared(session: Session, key: Any, statement: Statement) -> Prepared:
    prepared = session.cache.get(key)
    if prepared is None:
        prepared = session.cache[key] = prepare(statement(), session.dialect)
    return prepared


class TableRepository(Generic[R]):
    """ports.Repository over one table."""

    def __init__(self, session: Session, entry: RecordTable) -> None:
        self._session = session
        self._entry = entry
        self._name = entry.name
        self._codec = entry.codec
        self._table = entry.table

    def get(self, record_id: str) -> R | None:
        rows = _run(self._session, (self._name, "get"), lambda: self._select(("id",)), {"id": record_id})
        return self._codec.decode(rows[0]) if rows else None

    def find(self, **equals: object) -> R | None:
        fields = tuple(equals)
        rows = _run(
            self._session,
            (self._name, "find", fields),
            lambda: self._newest_first(fields).limit(1),
            self._values(equals),
        )
        return self._codec.decode(rows[0]) if rows else None

    def all(self, **equals: object) -> tuple[R, ...]:
        fields = tuple(equals)
        rows = _run(
            self._session,
            (self._name, "all", fields),
            lambda: self._select(fields).order_by(self._table.c.created_at, self._table.c.id),
            self._values(equals),
        )
        return tuple(map(self._codec.decode, rows))

    def page(self, limit: int, after: PageKey | None, **equals: object) -> Page[R]:
        return self._read_page(self._codec, limit, after, equals)

    def page_as(self, view: type[V], limit: int, after: PageKey | None, **equals: object) -> Page[V]:
        return self._read_page(_codec_of(view), limit, after, equals)

    def _read_page(
        self, codec: RecordCodec[V], limit: int, after: PageKey | None, equals: Mapping[str, object]
    ) -> Page[V]:
        fields = tuple(equals)
        values = {**self._values(equals), "page_limit": limit + 1}
        if after is not None:
            values |= {"after_created_at": to_micros(after.created_at), "after_id": after.id}
        rows = _run(
            self._session,
            (self._name, "page", codec.record, fields, after is not None),
            lambda: self._page_of(fields, after is not None).with_only_columns(
                *(self._table.c[name] for name in codec.names)
            ),
            values,
        )
        items = tuple(map(codec.decode, rows[:limit]))
        last: Any = items[-1] if len(rows) > limit else None
        return Page(items, PageKey(last.created_at, last.id) if last is not None else None)

    def count(self, up_to: int, **equals: object) -> int:
        fields = tuple(equals)

        def statement() -> sa.Select[Any]:
            found: sa.Select[Any] = (
                self._select(fields).with_only_columns(sa.literal_column("1")).limit(sa.bindparam("up_to"))
            )
            return sa.select(sa.func.count()).select_from(found.subquery())

        values = {**self._values(equals), "up_to": up_to}
        rows = _run(self._session, (self._name, "count", fields), statement, values)
        return int(rows[0][0])

    def add(self, record: R) -> R:
        self._insert(record)
        return record

    def update(self, record: R, **changes: object) -> R:
        changed = dataclasses.replace(record, **changes)  # type: ignore[type-var]
        if not self._write(changed, changes, guard=None):
            raise Stale(f"The record of {self._name} is gone.")
        return changed

    def remove(self, record: R) -> None:
        _change(
            self._session,
            (self._name, "remove"),
            lambda: sa.delete(self._table).where(self._table.c.id == sa.bindparam("id")),
            {"id": record.id},  # type: ignore[attr-defined]
        )

    def _insert(self, record: R) -> None:
        _change(
            self._session,
            (self._name, "insert"),
            lambda: sa.insert(self._table).values({name: sa.bindparam(name) for name in self._codec.names}),
            self._codec.encode_record(record),
        )

    def _write(self, record: R, changes: Mapping[str, object], guard: int | None) -> bool:
        """Update the changed columns; False where the record is gone or its revision is not `guard`."""
        fields = tuple(changes)

        def statement() -> sa.Update:
            update = sa.update(self._table).values({name: sa.bindparam(f"new_{name}") for name in fields})
            update = update.where(self._table.c.id == sa.bindparam("key_id"))
            return update if guard is None else update.where(self._table.c.revision == sa.bindparam("key_revision"))

        values = {f"new_{name}": value for name, value in self._codec.encode(changes).items()}
        values |= {"key_id": record.id, "key_revision": guard}  # type: ignore[attr-defined]
        return _change(self._session, (self._name, "update", fields, guard is None), statement, values) == 1

    def _values(self, equals: Mapping[str, object]) -> dict[str, Any]:
        return self._codec.encode(equals)

    def _select(self, fields: tuple[str, ...]) -> sa.Select[Any]:
        _require_index(self._entry, fields)
        return sa.select(self._table).where(*(self._table.c[name] == sa.bindparam(name) for name in fields))

    def _newest_first(self, fields: tuple[str, ...]) -> sa.Select[Any]:
        return self._select(fields).order_by(self._table.c.created_at.desc(), self._table.c.id.desc())

    def _page_of(self, fields: tuple[str, ...], continued: bool) -> sa.Select[Any]:
        statement = self._newest_first(fields)
        if continued:
            place = sa.tuple_(sa.bindparam("after_created_at"), sa.bindparam("after_id"))
            statement = statement.where(sa.tuple_(self._table.c.created_at, self._table.c.id) < place)
        return statement.limit(sa.bindparam("page_limit"))


_CODECS: dict[type, RecordCodec[Any]] = {}


def _codec_of(view: type[V]) -> RecordCodec[V]:
    codec = _CODECS.get(view)
    if codec is None:
        codec = _CODECS[view] = RecordCodec(view)
    return codec


def _require_index(entry: RecordTable, fields: tuple[str, ...]) -> None:
    """Refuse a search that would read the whole table."""
    wanted = frozenset(fields)
    if (
        wanted == {"id"}
        or not wanted
        or any(wanted == frozenset(search) for search in (*entry.searches, *entry.uniques))
    ):
        return
    raise ValueError(f"no index of {entry.name} serves a search by {sorted(wanted)}: add one in store/tables.py")


class TableLifecycleRepository(TableRepository[R]):
    """ports.LifecycleRepository over one table: every write names the revision it saw and leaves an event."""

    def submit(self, record: R, *, actor: str) -> R:
        self._insert(record)
        state: Any = record
        self._event(state, Event.CREATED, None, actor, "", state.created_at)
        self._set_work(state.id, state.created_at)
        return record

    def transition(
        self,
        record: R,
        event: Event,
        *,
        actor: str,
        at: datetime,
        reason: str = "",
        due_at: datetime | None = None,
        **changes: object,
    ) -> R:
        lifecycle = self._entry.lifecycle
        assert lifecycle is not None  # noqa: S101 - the table of a lifecycle repository has one
        state: Any = record
        status = lifecycle.next(state.status, event)
        changed: Any = self._revise(record, at, {**changes, "status": status})
        self._event(changed, event, state.status, actor, reason, at)
        if due_at is not None:
            self._set_work(state.id, due_at)
        elif lifecycle.at_rest(status):
            self._end_work(state.id)
        else:
            self._set_work(state.id, at)
        return changed  # type: ignore[no-any-return]

    def note(self, record: R, *, actor: str, at: datetime, reason: str = "", **changes: object) -> R:
        changed: Any = self._revise(record, at, changes)
        if reason:
            self._event(changed, Event.NOTED, changed.status, actor, reason, at)
        return changed  # type: ignore[no-any-return]

    def working(self) -> tuple[R, ...]:
        work, table = tables.work, self._table
        rows = _run(
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
        return tuple(map(self._codec.decode, rows))

    def _revise(self, record: R, at: datetime, changes: Mapping[str, object]) -> R:
        state: Any = record
        changes = {**changes, "revision": state.revision + 1, "updated_at": at}
        changed = dataclasses.replace(state, **changes)
        if not self._write(changed, changes, guard=state.revision):
            raise Stale(f"{self._name} {state.id} is no longer at revision {state.revision}.")
        return changed  # type: ignore[no-any-return]

    def _event(self, state: Any, event: Event, before: Any, actor: str, reason: str, at: datetime) -> None:
        columns = ("arn", "record_id", "revision", "event", "from_status", "to_status", "actor", "reason", "at")
        _change(
            self._session,
            ("events", "insert"),
            lambda: sa.insert(tables.events).values({name: sa.bindparam(name) for name in columns}),
            {
                "arn": event_arn(state),
                "record_id": state.id,
                "revision": state.revision,
                "event": event.value,
                "from_status": None if before is None else before.value,
                "to_status": state.status.value,
                "actor": actor,
                "reason": reason,
                "at": to_micros(at),
            },
        )

    def _set_work(self, record_id: str, due_at: datetime) -> None:
        work = tables.work
        values = {"work_id": f"{self._name}/{record_id}", "new_due_at": to_micros(due_at)}
        self._session.work_changed = True
        updated = _change(
            self._session,
            ("work", "wish"),
            lambda: (
                sa.update(work).where(work.c.id == sa.bindparam("work_id")).values(due_at=sa.bindparam("new_due_at"))
            ),
            values,
        )
        if not updated:
            columns = ("id", "kind", "record_id", "due_at")
            _change(
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
        _change(
            self._session,
            ("work", "end"),
            lambda: sa.delete(tables.work).where(tables.work.c.id == sa.bindparam("work_id")),
            {"work_id": f"{self._name}/{record_id}"},
        )


def event_arn(state: Any) -> str:
    """What a record's events are filed under: its ARN, or for an export job, which has none, its model's."""
    return str(getattr(state, "arn", None) or state.trained_model_arn)


class TableTags:
    """ports.Tags."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, arn: str) -> Mapping[str, str]:
        rows = _run(
            self._session,
            ("tags", "get"),
            lambda: sa.select(tables.tags.c.tags).where(tables.tags.c.arn == sa.bindparam("arn")),
            {"arn": arn},
        )
        return msgspec.json.decode(rows[0][0], type=dict[str, str]) if rows else {}

    def put(self, arn: str, tags: Mapping[str, str]) -> None:
        _change(
            self._session,
            ("tags", "delete"),
            lambda: sa.delete(tables.tags).where(tables.tags.c.arn == sa.bindparam("arn")),
            {"arn": arn},
        )
        if tags:
            _change(
                self._session,
                ("tags", "insert"),
                lambda: sa.insert(tables.tags).values(arn=sa.bindparam("arn"), tags=sa.bindparam("tags")),
                {"arn": arn, "tags": msgspec.json.encode(tags).decode()},
            )


def read_events(session: Session, arn: str) -> tuple[ResourceEvent, ...]:
    """ports.Transaction.events."""
    table = tables.events
    columns = ("arn", "record_id", "revision", "event", "from_status", "to_status", "actor", "reason", "at")
    rows = _run(
        session,
        ("events", "by arn"),
        lambda: (
            sa.select(*(table.c[name] for name in columns))
            .where(table.c.arn == sa.bindparam("arn"))
            .order_by(table.c.seq)
        ),
        {"arn": arn},
    )
    return tuple(
        ResourceEvent(arn, record_id, revision, Event(event), before, after, actor, reason, from_micros(at))
        for arn, record_id, revision, event, before, after, actor, reason, at in rows
    )
