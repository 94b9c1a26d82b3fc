"""An open database session: how the other files of the store run a statement in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import sqlalchemy as sa

from whiteroom.store.sealed import StoreKeys
from whiteroom.store.statements import Prepared, prepare

Statement = Callable[[], sa.sql.ClauseElement]
"""Makes a statement; asked once for each key."""

Rows = list[tuple[Any, ...]]


class Session(Protocol):
    """One open transaction on a driver's connection."""

    dialect: sa.engine.Dialect
    cache: dict[Any, Prepared]
    """Compiled statements, shared by all sessions of a store."""
    keys: StoreKeys
    """What columns are sealed by."""
    work_changed: bool
    """Set when this transaction made work for the controllers."""

    def run(self, prepared: Prepared, values: Mapping[str, Any]) -> tuple[Rows, int]:
        """Execute; answers the rows and the number of rows that were changed.

        Raises:
            Duplicate: a unique constraint forbids it.
        """


def execute(session: Session, key: Any, statement: Statement, values: Mapping[str, Any]) -> tuple[Rows, int]:
    """Run a statement, compiled when its key is first seen; the rows, and how many were changed."""
    prepared = session.cache.get(key)
    if prepared is None:
        prepared = session.cache[key] = prepare(statement(), session.dialect)
    return session.run(prepared, values)


def rows_of(session: Session, key: Any, statement: Statement, values: Mapping[str, Any]) -> Rows:
    """What a statement that reads finds."""
    return execute(session, key, statement, values)[0]


def change(session: Session, key: Any, statement: Statement, values: Mapping[str, Any]) -> int:
    """How many rows a statement that writes has changed."""
    return execute(session, key, statement, values)[1]
