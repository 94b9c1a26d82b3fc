from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from whiteroom.keys.echo import EchoRing
from whiteroom.keys.local import LocalRing
from whiteroom.keys.rings import Rings
from whiteroom.ports.keys import KeyRing, WrongKey
from whiteroom.store.sqlite import SqliteStore

SECRET = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "whiteroom.db"


@pytest.fixture
def ring(tmp_path: Path) -> LocalRing:
    return LocalRing(tmp_path / "master.key", lambda: True)


def opened(path: Path, ring: KeyRing) -> SqliteStore:
    store = SqliteStore(path, ring)
    store.seal_secrets()
    return store


def test_a_secret_is_kept_once_and_stays_the_same(path: Path, ring: KeyRing) -> None:
    store = opened(path, ring)
    assert store.secret("noise") is None
    store.keep_secret("noise", SECRET)
    store.keep_secret("noise", bytes(32))
    assert store.secret("noise") == opened(path, ring).secret("noise") == SECRET
    assert store.secret("sessions") is None


def test_those_who_open_at_once_have_the_same_key(path: Path, ring: KeyRing) -> None:
    SqliteStore(path).close()
    with ThreadPoolExecutor(8) as openers:
        stores = list(openers.map(lambda _: opened(path, ring), range(8)))
    for number, store in enumerate(stores):
        store.keep_secret(str(number), SECRET)
    assert {store.secret(str(number)) for store in stores for number in range(8)} == {SECRET}


def test_a_secret_that_is_moved_to_another_name_opens_nothing(path: Path, ring: KeyRing) -> None:
    store = opened(path, ring)
    store.keep_secret("noise", SECRET)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE secrets SET name = 'sessions' WHERE name = 'noise'")
    with pytest.raises(WrongKey):
        store.secret("sessions")


def test_what_one_ring_has_sealed_opens_under_another(path: Path, ring: KeyRing) -> None:
    opened(path, ring).keep_secret("noise", SECRET)
    echo = Rings("echo", {"echo": EchoRing(), "local": ring})
    assert opened(path, echo).secret("noise") == SECRET


def test_without_sealing_secrets_are_kept_in_plain_text_and_sealed_when_it_begins(path: Path, ring: KeyRing) -> None:
    opened(path, EchoRing()).keep_secret("noise", SECRET)
    assert SqliteStore(path).secret("noise") == SECRET
    assert opened(path, ring).secret("noise") == SECRET
