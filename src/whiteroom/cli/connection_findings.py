"""What `whiteroom doctor` says of connections to members' databases: whether each lets the server in."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from whiteroom.databases.asking import Databases
from whiteroom.databases.kinds import AnyConnection
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable
from whiteroom.databases.snowflake.connections import SnowflakeConnection
from whiteroom.domain.execution.runs import Finding
from whiteroom.ports.keys import KeyRefused
from whiteroom.settings import Settings
from whiteroom.store.connections import StoreConnections
from whiteroom.store.sqlite import SqliteStore

_TITLE = "connection"
_AT_A_TIME = 8
"""One to a host that answers nothing takes half a minute."""


def about_connections(settings: Settings, store: SqliteStore) -> Iterator[Finding]:
    """One finding for each connection."""
    kept = StoreConnections(store)
    names = kept.names()
    found: list[AnyConnection | str | None] = []
    for place in names:
        try:
            found.append(kept.find(*place))
        except KeyRefused as error:
            found.append(str(error))
    with ThreadPoolExecutor(_AT_A_TIME) as asking:
        yield from asking.map(partial(_finding, settings), names, found)


def _finding(settings: Settings, place: tuple[str, str], connection: AnyConnection | str | None) -> Finding:
    account_id, name = place
    of = f"{name} of account {account_id}"
    if isinstance(connection, SnowflakeConnection) and not settings.snowflake:
        return Finding(_TITLE, ok=True, detail=f"{of}: {connection.shown} was not asked, as Snowflake is switched off.")
    problem = connection if isinstance(connection, str) else ""
    if connection is not None and not isinstance(connection, str):
        try:
            Databases(lambda *_: connection).look_over(connection, None)
        except (DatabaseRefused, DatabaseUnreachable) as error:
            problem = str(error)
        else:
            return Finding(_TITLE, ok=True, detail=f"{of}: {connection.shown} lets the server in.")
    return Finding(
        _TITLE,
        ok=False,
        detail=f"{of}: {problem or 'it was removed meanwhile.'}",
        remedy="Queries over its tables wait, or fail. `whiteroom connections add` replaces it; docs/databases.md says "
        "what the database must allow.",
    )
