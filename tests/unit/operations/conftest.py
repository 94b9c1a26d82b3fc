from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.worlds.rooms import Room, a_clean_room
from support.worlds.servers import Server, a_server
from whiteroom.store.sqlite import SqliteStore


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to copy: migrating takes longer than most of these tests."""
    path = tmp_path_factory.mktemp("empty") / "whiteroom.db"
    SqliteStore(path).close()
    return path


@pytest.fixture
def server(tmp_path: Path, empty_database: Path) -> Iterator[Server]:
    path = tmp_path / "whiteroom.db"
    shutil.copy(empty_database, path)
    store = SqliteStore(path)
    yield a_server(store)
    store.close()


@pytest.fixture
def room(server: Server) -> Room:
    return a_clean_room(server)
