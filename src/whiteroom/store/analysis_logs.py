"""ports.AnalysisLogs over one table, whose rows are only ever added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from whiteroom.domain.observability.analysis_logs import AnalysisLogEvent, LogStage, StreamSpan
from whiteroom.ports.analysis_logs import LogStreamKey, PlacedEvent
from whiteroom.store.codec import from_micros, to_micros
from whiteroom.store.session import Rows, Session, Statement, execute
from whiteroom.store.tables import ANALYSIS_LOG_EVENTS as CODEC
from whiteroom.store.tables import analysis_log_events as table


def _this_stream() -> sa.ColumnElement[bool]:
    names = ("account_id", "collaboration_id", "stream")
    return sa.and_(*(table.c[name] == sa.bindparam(f"key_{name}") for name in names))


def _columns() -> tuple[sa.Column[Any], ...]:
    return (table.c.place, *(table.c[name] for name in CODEC.names))


def _limited(statement: sa.Select[Any]) -> sa.Select[Any]:
    return statement.limit(sa.bindparam("page_limit"))


_STATEMENTS: Mapping[str, Statement] = {
    "add": lambda: sa.insert(table).values({name: sa.bindparam(name) for name in CODEC.names}),
    "of": lambda: (
        sa.select(*_columns())
        .where(table.c.analysis_id == sa.bindparam("analysis_id"), table.c.stage == sa.bindparam("stage"))
        .order_by(table.c.place)
    ),
    "streams": lambda: (
        sa.select(table.c.stream, sa.func.min(table.c.at), sa.func.max(table.c.at))
        .where(
            table.c.account_id == sa.bindparam("account_id"),
            table.c.collaboration_id == sa.bindparam("collaboration_id"),
        )
        .group_by(table.c.stream)
        .order_by(table.c.stream)
    ),
    "forward": lambda: _limited(
        sa.select(*_columns()).where(_this_stream(), table.c.place >= sa.bindparam("start")).order_by(table.c.place)
    ),
    "backward": lambda: _limited(
        sa.select(*_columns()).where(_this_stream(), table.c.place < sa.bindparam("end")).order_by(table.c.place.desc())
    ),
    "last": lambda: (
        sa.select(table.c.place, table.c.at)
        .where(_this_stream())
        .order_by(table.c.place.desc())
        .limit(sa.literal_column("1"))
    ),
    # Times do not fall from place to place, so that the first of both is the same.
    "first at": lambda: sa.select(sa.func.min(table.c.place)).where(
        _this_stream(), table.c.at >= sa.bindparam("first_at")
    ),
}


class TableAnalysisLogs:
    """ports.AnalysisLogs over one table."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, events: Iterable[AnalysisLogEvent]) -> None:
        for event in events:
            last = self._last(LogStreamKey(event.account_id, event.collaboration_id, event.stream))
            values = CODEC.encode_record(event)
            self._session.keys.hide(table.name, event, values)
            self._run("add", {**values, "at": values["at"] if last is None else max(values["at"], last[1])})

    def of(self, analysis_id: str, stage: LogStage) -> tuple[AnalysisLogEvent, ...]:
        rows = self._run("of", {"analysis_id": analysis_id, "stage": stage.value})
        return tuple(self._event(row) for row in rows)

    def streams(self, account_id: str, collaboration_id: str) -> tuple[StreamSpan, ...]:
        rows = self._run("streams", {"account_id": account_id, "collaboration_id": collaboration_id})
        return tuple(StreamSpan(name, from_micros(first), from_micros(last)) for name, first, last in rows)

    def forward(self, key: LogStreamKey, start: int, limit: int) -> tuple[PlacedEvent, ...]:
        rows = self._run("forward", {**_key(key), "start": start, "page_limit": limit})
        return tuple(PlacedEvent(row[0], self._event(row)) for row in rows)

    def backward(self, key: LogStreamKey, end: int, limit: int) -> tuple[PlacedEvent, ...]:
        rows = self._run("backward", {**_key(key), "end": end, "page_limit": limit})
        return tuple(PlacedEvent(row[0], self._event(row)) for row in rows)

    def end(self, key: LogStreamKey) -> int:
        last = self._last(key)
        return 0 if last is None else last[0] + 1

    def first_at(self, key: LogStreamKey, at: datetime) -> int:
        ((place,),) = self._run("first at", {**_key(key), "first_at": to_micros(at)})
        return self.end(key) if place is None else int(place)

    def _last(self, key: LogStreamKey) -> tuple[int, int] | None:
        rows = self._run("last", _key(key))
        return (rows[0][0], rows[0][1]) if rows else None

    def _event(self, row: tuple[Any, ...]) -> AnalysisLogEvent:
        event = CODEC.decode(row[1:])
        self._session.keys.reveal(table.name, event)
        return event

    def _run(self, name: str, values: Mapping[str, Any]) -> Rows:
        return execute(self._session, ("analysis logs", name), _STATEMENTS[name], values)[0]


def _key(key: LogStreamKey) -> dict[str, str]:
    return {
        "key_account_id": key.account_id,
        "key_collaboration_id": key.collaboration_id,
        "key_stream": key.stream,
    }
