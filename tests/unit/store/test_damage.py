"""A page of the database that the disk has lost: found without anybody reading it, and not written around."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from whiteroom.base.machine_errors import machine_error_of
from whiteroom.domain.resources.accounts import Account
from whiteroom.store import damage
from whiteroom.store.damage import DamagedTable
from whiteroom.store.sqlite import SqliteStore

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
PAGE_BYTES = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with so many accounts that their table has pages below its first one."""
    path = tmp_path / "whiteroom.db"
    store = SqliteStore(path)
    with store.transaction() as tx:
        for number in range(2_000):
            tx.accounts.add(Account(f"{number:012}", f"account {number}", NOON))
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def last_leaf_of(path: Path, table: str) -> int:
    """The number of the last page of a table's rows, by SQLite's file format: the right-most pointer of its root."""
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [table]).fetchone()
    page = path.read_bytes()[(root - 1) * PAGE_BYTES : root * PAGE_BYTES]
    assert page[0] == 5, "the root is no interior page of a table"
    return int.from_bytes(page[8:12], "big")


def zeros(page: bytes) -> bytes:
    return bytes(len(page))


def swapped(page: bytes) -> bytes:
    """Two cells' places in the wrong order: each row can be read, and lies where nobody looks for it."""
    return page[:8] + page[10:12] + page[8:10] + page[12:]


def harm(path: Path, change: Callable[[bytes], bytes]) -> None:
    number = last_leaf_of(path, "accounts")
    data = bytearray(path.read_bytes())
    place = slice((number - 1) * PAGE_BYTES, number * PAGE_BYTES)
    data[place] = change(bytes(data[place]))
    path.write_bytes(data)


def look_quickly(store: SqliteStore) -> None:
    store.look_for_damage()


def look_hard(store: SqliteStore) -> None:
    store.look_hard_for_damage(threading.Event())


@pytest.mark.parametrize("look", [look_quickly, look_hard])
@pytest.mark.parametrize("change", [zeros, swapped])
def test_a_damaged_page_is_found_and_told_and_its_table_is_not_written_to(
    path: Path, caplog: pytest.LogCaptureFixture, look: Callable[[SqliteStore], None], change: Callable[[bytes], bytes]
) -> None:
    harm(path, change)
    store = SqliteStore(path)
    look(store)
    look(store)
    assert store.damaged_tables == {"accounts"}
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 1, "once, however often it is found"
    assert "accounts" in told[0]
    assert "restore the folder from a backup" in told[0]
    with pytest.raises(DamagedTable) as refused, store.transaction() as tx:
        tx.accounts.add(Account("9" * 12, "late", NOON))
    assert "Stop the server, and restore the folder" in str(machine_error_of(refused.value))
    with store.reading() as tx:
        first = tx.accounts.get("0" * 12)
    assert first is not None, "what can be read is read"
    store.close()


def test_a_table_that_is_whole_is_written_to_beside_one_that_is_not(path: Path) -> None:
    harm(path, zeros)
    store = SqliteStore(path)
    store.look_for_damage()
    with store.transaction() as tx:
        tx.tags.put("arn:x", {"a": "1"})
    with store.reading() as tx:
        assert tx.tags.get("arn:x") == {"a": "1"}
    store.close()


def test_a_database_that_is_whole_is_found_to_be(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = SqliteStore(path)
    look_quickly(store)
    look_hard(store)
    assert store.damaged_tables == frozenset()
    assert caplog.records == []
    store.close()


def test_a_large_database_is_left_to_the_background(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harm(path, zeros)
    monkeypatch.setattr(damage, "QUICK_BYTES", PAGE_BYTES)
    store = SqliteStore(path)
    look_quickly(store)
    assert store.damaged_tables == frozenset()
    look_hard(store)
    assert store.damaged_tables == {"accounts"}
    store.close()


def test_a_server_that_stops_does_not_wait_for_the_look(path: Path) -> None:
    harm(path, zeros)
    store, stopping = SqliteStore(path), threading.Event()
    stopping.set()
    store.look_hard_for_damage(stopping)
    assert store.damaged_tables == frozenset()
    store.close()
