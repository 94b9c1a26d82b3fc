from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.cleanrooms import Office, Room, a_clean_room, an_office
from whiteroom.store.sqlite import SqliteStore


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database to copy: migrating takes longer than most of these tests."""
    path = tmp_path_factory.mktemp("empty") / "whiteroom.db"
    SqliteStore(path).close()
    return path


@pytest.fixture
def office(tmp_path: Path, empty_database: Path) -> Iterator[Office]:
    path = tmp_path / "whiteroom.db"
    shutil.copy(empty_database, path)
    store = SqliteStore(path)
    yield an_office(store)
    store.close()


@pytest.fixture
def room(office: Office) -> Room:
    return a_clean_room(office)
