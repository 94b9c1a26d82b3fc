"""A key signs while it is active, and not a request longer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from whiteroom.base.callers import Credential, Role
from whiteroom.domain.resources.accounts import AccessKey, AccessKeyStatus, Account, Standing, User
from whiteroom.store.credentials import Credentials
from whiteroom.store.sqlite import SqliteStore

SECRET = bytes(range(32))
NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
ACCOUNT = Account("111111111111", "North", NOON)
ALICE = User("AIDA", ACCOUNT.id, "alice", Role.ANALYST, NOON)
KEY = AccessKey("AKIA", ACCOUNT.id, "secret", AccessKeyStatus.ACTIVE, NOON, ALICE.id)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "whiteroom.db")
    with store.transaction() as tx:
        tx.accounts.add(ACCOUNT)
        tx.users.add(ALICE)
    yield store
    store.close()


def credentials_of(store: SqliteStore) -> Credentials:
    session = store.session()
    return Credentials(lambda: session, SECRET)


def test_an_active_key_answers_its_account_user_and_secret(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.access_keys.add(KEY)
    assert credentials_of(store).key("AKIA") == Credential("AKIA", "secret", ACCOUNT.id, ALICE.principal)


def test_a_key_of_a_user_that_is_disabled_or_gone_is_none_at_once(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.access_keys.add(KEY)
    credentials = credentials_of(store)
    assert credentials.key("AKIA") is not None
    for standing in (Standing.DISABLED, Standing.ENABLED):
        with store.transaction() as tx:
            tx.users.update(ALICE, standing=standing)
        assert (credentials.key("AKIA") is not None) == (standing is Standing.ENABLED)
    with store.transaction() as tx:
        tx.users.remove(ALICE)
    assert credentials.key("AKIA") is None


def test_a_key_of_an_account_that_is_disabled_or_gone_is_none_at_once(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.access_keys.add(KEY)
    credentials = credentials_of(store)
    for standing in (Standing.DISABLED, Standing.ENABLED):
        with store.transaction() as tx:
            tx.accounts.update(ACCOUNT, standing=standing)
        assert (credentials.key("AKIA") is not None) == (standing is Standing.ENABLED)
    with store.transaction() as tx:
        tx.accounts.remove(ACCOUNT)
    assert credentials.key("AKIA") is None


def test_a_role_that_a_user_is_given_counts_from_the_next_request(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.access_keys.add(KEY)
    credentials = credentials_of(store)
    with store.transaction() as tx:
        tx.users.update(ALICE, role=Role.PRIVACY_OFFICER)
    found = credentials.key("AKIA")
    assert found is not None
    assert found.principal.role is Role.PRIVACY_OFFICER


def test_an_unknown_key_is_none_until_it_is_made(store: SqliteStore) -> None:
    credentials = credentials_of(store)
    assert credentials.key("AKIA") is None
    with store.transaction() as tx:
        tx.access_keys.add(KEY)
    assert credentials.key("AKIA") is not None


def test_a_key_that_another_process_rotates_stops_at_once(store: SqliteStore) -> None:
    with store.transaction() as tx:
        tx.access_keys.add(KEY)
    credentials = credentials_of(store)
    assert credentials.key("AKIA") is not None
    other = SqliteStore(store.path)
    with other.transaction() as tx:
        tx.access_keys.update(KEY, status=AccessKeyStatus.INACTIVE)
    other.close()
    assert credentials.key("AKIA") is None
