"""A key signs while it is active, and not a request longer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from whiteroom.base.callers import Credential
from whiteroom.domain.accounts import AccessKey, AccessKeyStatus
from whiteroom.store.credentials import Credentials
from whiteroom.store.sqlite import SqliteStore

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
KEY = AccessKey("AKIA", "111111111111", "secret", AccessKeyStatus.ACTIVE, NOON)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "whiteroom.db")
    yield store
    store.close()


def credentials_of(store: SqliteStore) -> Credentials:
    session = store.session()
    return Credentials(lambda: session)


def test_an_active_key_answers_its_account_and_secret(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.access_keys.add(KEY)
    assert credentials_of(store)("AKIA") == Credential("AKIA", "secret", "111111111111")


def test_an_unknown_key_is_none_until_it_is_made(store: SqliteStore) -> None:
    credentials = credentials_of(store)
    assert credentials("AKIA") is None
    with store.transaction() as tx:
        tx.access_keys.add(KEY)
    assert credentials("AKIA") is not None


def test_a_key_that_another_process_rotates_stops_at_once(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.access_keys.add(KEY)
    credentials = credentials_of(store)
    assert credentials("AKIA") is not None
    other = SqliteStore(store.path)
    with other.transaction() as tx:
        tx.access_keys.update(KEY, status=AccessKeyStatus.INACTIVE)
    other.close()
    assert credentials("AKIA") is None
