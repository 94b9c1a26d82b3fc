"""ports.Repository: reading and writing records of any table of tables.py."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from whiteroom.ports.repositories import Page, PageKey, Stale
from whiteroom.store.codec import RecordCodec, to_micros
from whiteroom.store.sealed import sealed_columns
from whiteroom.store.session import Session, change, rows_of
from whiteroom.store.tables import RecordTable

R = TypeVar("R")
V = TypeVar("V")


class TableRepository(Generic[R]):
    """ports.Repository over one table."""

    def __init__(self, session: Session, entry: RecordTable) -> None:
        self._session = session
        self._kind = entry.kind
        self._name = entry.kind.name
        self._codec = entry.codec
        self._table = entry.table
        self._is_sealed = bool(sealed_columns(self._name))

    def get(self, record_id: str) -> R | None:
        rows = rows_of(self._session, (self._name, "get"), lambda: self._select(("id",)), {"id": record_id})
        return self._decode(rows[0]) if rows else None

    def find(self, **equals: object) -> R | None:
        fields = tuple(equals)
        rows = rows_of(
            self._session,
            (self._name, "find", fields),
            lambda: self._newest_first(fields).limit(1),
            self._values(equals),
        )
        return self._decode(rows[0]) if rows else None

    def all(self, **equals: object) -> tuple[R, ...]:
        fields = tuple(equals)
        rows = rows_of(
            self._session,
            (self._name, "all", fields),
            lambda: self._select(fields).order_by(self._table.c.created_at, self._table.c.id),
            self._values(equals),
        )
        return tuple(map(self._decode, rows))

    def page(self, limit: int, after: PageKey | None, **equals: object) -> Page[R]:
        return self._read_page(self._codec, limit, after, equals)

    def page_as(self, view: type[V], limit: int, after: PageKey | None, **equals: object) -> Page[V]:
        return self._read_page(_codec_of(view, sealed_columns(self._name)), limit, after, equals)

    def _read_page(
        self, codec: RecordCodec[V], limit: int, after: PageKey | None, equals: Mapping[str, object]
    ) -> Page[V]:
        fields = tuple(equals)
        values = {**self._values(equals), "page_limit": limit + 1}
        if after is not None:
            values |= {"after_created_at": to_micros(after.created_at), "after_id": after.id}
        rows = rows_of(
            self._session,
            (self._name, "page", codec.record, fields, after is not None),
            lambda: self._page_of(fields, after is not None).with_only_columns(
                *(self._table.c[name] for name in codec.names)
            ),
            values,
        )
        items = tuple(self._decode(row, codec) for row in rows[:limit])
        last: Any = items[-1] if len(rows) > limit else None
        return Page(items, PageKey(last.created_at, last.id) if last is not None else None)

    def count(self, up_to: int, **equals: object) -> int:
        fields = tuple(equals)

        def statement() -> sa.Select[Any]:
            one: sa.Select[Any] = (
                self._select(fields).with_only_columns(sa.literal_column("1")).select_from(self._table)
            )
            found: sa.Select[Any] = one.limit(sa.bindparam("up_to"))
            return sa.select(sa.func.count()).select_from(found.subquery())

        values = {**self._values(equals), "up_to": up_to}
        rows = rows_of(self._session, (self._name, "count", fields), statement, values)
        return int(rows[0][0])

    def total(self, field: str, **equals: object) -> int:
        fields = tuple(equals)

        def statement() -> sa.Select[Any]:
            return self._select(fields).with_only_columns(sa.func.coalesce(sa.func.sum(self._table.c[field]), 0))

        rows = rows_of(self._session, (self._name, "total", field, fields), statement, self._values(equals))
        return int(rows[0][0])

    def totals(self, field: str, by: tuple[str, ...], **equals: object) -> Mapping[tuple[str, ...], float]:
        fields = tuple(equals)

        def statement() -> sa.Select[Any]:
            names = [self._table.c[name] for name in by]
            return self._select(fields).with_only_columns(*names, sa.func.sum(self._table.c[field])).group_by(*names)

        rows = rows_of(self._session, (self._name, "totals", field, by, fields), statement, self._values(equals))
        return {tuple(map(str, row[:-1])): row[-1] for row in rows}

    def add(self, record: R) -> R:
        self._insert(record)
        return record

    def update(self, record: R, **changes: object) -> R:
        changed = dataclasses.replace(record, **changes)  # type: ignore[type-var]
        if not self._write(changed, changes, guard=None):
            raise Stale(f"The record of {self._name} is gone.")
        return changed

    def remove(self, record: R) -> None:
        change(
            self._session,
            (self._name, "remove"),
            lambda: sa.delete(self._table).where(self._table.c.id == sa.bindparam("id")),
            {"id": record.id},  # type: ignore[attr-defined]
        )

    def _insert(self, record: R) -> None:
        change(
            self._session,
            (self._name, "insert"),
            lambda: sa.insert(self._table).values({name: sa.bindparam(name) for name in self._codec.names}),
            self._encode(record, self._codec.encode_record(record)),
        )

    def _write(self, record: R, changes: Mapping[str, object], guard: int | None) -> bool:
        """Update the changed columns; False where the record is gone or its revision is not `guard`."""
        fields = tuple(changes)

        def statement() -> sa.Update:
            update = sa.update(self._table).values({name: sa.bindparam(f"new_{name}") for name in fields})
            update = update.where(self._table.c.id == sa.bindparam("key_id"))
            return update if guard is None else update.where(self._table.c.revision == sa.bindparam("key_revision"))

        changed = self._encode(record, self._codec.encode(changes))
        values = {f"new_{name}": value for name, value in changed.items()}
        values |= {"key_id": record.id, "key_revision": guard}  # type: ignore[attr-defined]
        return change(self._session, (self._name, "update", fields, guard is None), statement, values) == 1

    def _decode(self, row: tuple[Any, ...], codec: RecordCodec[Any] | None = None) -> Any:
        record = (codec or self._codec).decode(row)
        if self._is_sealed:
            self._session.keys.reveal(self._name, record)
        return record

    def _encode(self, record: R, values: dict[str, Any]) -> dict[str, Any]:
        if self._is_sealed:
            self._session.keys.hide(self._name, record, values)
        return values

    def _values(self, equals: Mapping[str, object]) -> dict[str, Any]:
        return self._codec.encode(equals)

    def _select(self, fields: tuple[str, ...]) -> sa.Select[Any]:
        if not self._kind.is_searched_by(fields):
            named = f"a search of {self._name} by {sorted(fields)}"
            raise ValueError(f"no index serves {named}: declare it in ports/transaction.py")
        return sa.select(self._table).where(*(self._table.c[name] == sa.bindparam(name) for name in fields))

    def _newest_first(self, fields: tuple[str, ...]) -> sa.Select[Any]:
        return self._select(fields).order_by(self._table.c.created_at.desc(), self._table.c.id.desc())

    def _page_of(self, fields: tuple[str, ...], continued: bool) -> sa.Select[Any]:
        statement = self._newest_first(fields)
        if continued:
            place = sa.tuple_(sa.bindparam("after_created_at"), sa.bindparam("after_id"))
            statement = statement.where(sa.tuple_(self._table.c.created_at, self._table.c.id) < place)
        return statement.limit(sa.bindparam("page_limit"))


_CODECS: dict[tuple[type, frozenset[str]], RecordCodec[Any]] = {}


def _codec_of(view: type[V], sealed: frozenset[str]) -> RecordCodec[V]:
    codec = _CODECS.get((view, sealed))
    if codec is None:
        codec = _CODECS[view, sealed] = RecordCodec(view, sealed)
    return codec
