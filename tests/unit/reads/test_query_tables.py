"""What a table refers to now, held to what it was when it was configured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from support.fake_data import MemoryCatalog
from support.worlds.requests import BOB
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server, a_server
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, QueryTable
from whiteroom.reads.query_tables import referenced, resolved, shared_associations
from whiteroom.store.sqlite import SqliteStore


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    store = SqliteStore(tmp_path / "whiteroom.db")
    yield a_server(store)
    store.close()


@pytest.fixture
def room(server: Server) -> Room:
    return a_furnished_room(server)


def now(server: Server, room: Room, query_id: str | None = "q") -> QueryTable:
    with server.store.reading() as tx:
        association = next(one for one in shared_associations(tx, room.collaboration_id) if one.account_id == BOB)
        found = referenced(tx, association)
    assert found is not None
    return resolved(server.catalog, found, query_id)


def have(server: Server, *, elsewhere: bool = True, **types: str) -> None:
    """What BOB's table has in the catalog from now on."""
    assert isinstance(server.catalog, MemoryCatalog)
    (name,) = (name for name in server.catalog.tables if name[0] == BOB)
    table: CatalogTable = server.catalog.tables[name]
    columns = tuple(Column(column.name, types.get(column.name, column.type)) for column in table.columns)
    server.catalog.tables[name] = replace(table, columns=columns, elsewhere=elsewhere)


def test_a_column_that_has_another_type_by_now_is_named_and_the_table_is_not_read(server: Server, room: Room) -> None:
    assert not now(server, room).unreadable
    have(server, age="string")
    moved = now(server, room)
    assert moved.unreadable
    assert moved.source.public_reason == moved.source.unreadable
    assert (
        f"Column 'age' of table '{moved.name}' was bigint when the table was configured" in moved.source.public_reason
    )
    assert "is string in its catalog now" in moved.source.public_reason
    assert not now(server, room, None).unreadable, "what the table has now is shown"


def test_an_owner_who_means_it_so_says_so_by_an_update(server: Server, room: Room) -> None:
    have(server, age="string")
    (table,) = server.cleanrooms(BOB, "ListConfiguredTables")["configuredTableSummaries"]
    server.cleanrooms(BOB, "UpdateConfiguredTable", configuredTableIdentifier=table["id"], description="as text")
    assert not now(server, room).unreadable


def test_columns_that_are_not_allowed_may_change_and_so_may_what_the_operator_adds_anew(
    server: Server, room: Room
) -> None:
    have(server, secret="string")
    assert not now(server, room).unreadable
    have(server, elsewhere=False, age="string")
    assert not now(server, room).unreadable
