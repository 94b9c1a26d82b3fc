"""Who may do what: an account in its own bucket, while its keys sign, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.fakes import NOON
from support.worlds.driven import World
from support.worlds.requests import ALICE, BOB
from whiteroom.base.callers import Role
from whiteroom.domain.resources.accounts import AccessKey, AccessKeyStatus, Account, Standing, User
from whiteroom.s3_server.identities import Owner, configuration, own_key, owners, takes_away
from whiteroom.store.sqlite import SqliteStore

SECRET = b"s" * 32
ANN = Owner(ALICE, (("AKIAANN", "ann's"), ("AKIAAMY", "amy's")))
BEN = Owner(BOB, (("AKIABEN", "ben's"),))


def rights(text: bytes) -> dict[str, Any]:
    """By access key id: the secret, the identity and its actions."""
    return {
        key["accessKey"]: (key["secretKey"], one["name"], one["actions"])
        for one in json.loads(text)["identities"]
        for key in one["credentials"]
    }


def test_every_key_of_an_account_opens_its_own_bucket_and_no_other() -> None:
    found = rights(configuration([ANN, BEN], SECRET))
    for owner in (ANN, BEN):
        own = [f"{action}:{owner.account_id}" for action in ("Read", "Write", "List", "Tagging")]
        for key_id, secret in owner.keys:
            assert found.pop(key_id) == (secret, owner.account_id, own)
        key_id, secret = own_key(SECRET, owner.account_id)
        assert found.pop(key_id) == (secret, owner.account_id, own)
    assert list(found.values()) == [(own_key(SECRET, "whiteroom")[1], "whiteroom", ["Admin"])]


def test_the_keys_of_the_server_are_made_of_its_secret_and_differ_by_account() -> None:
    keys = {own_key(secret, name) for secret in (SECRET, b"t" * 32) for name in (ALICE, BOB, "whiteroom")}
    assert len({secret for _, secret in keys}) == 6
    assert own_key(SECRET, ALICE) == own_key(SECRET, ALICE)


@pytest.mark.parametrize(
    ("before", "now", "less"),
    [
        ([ANN], [ANN], False),
        ([ANN], [ANN, BEN], False),
        ([replace(ANN, keys=ANN.keys[:1])], [ANN], False),
        ([ANN, BEN], [ANN], True),
        ([ANN], [replace(ANN, keys=ANN.keys[:1])], True),
        ([ANN], [replace(ANN, keys=(("AKIAANN", "another"), ANN.keys[1]))], True),
        ([replace(ANN, keys=())], [], True),
    ],
)
def test_whoever_may_do_less_is_noticed(before: list[Owner], now: list[Owner], less: bool) -> None:
    assert takes_away(before, now) is less


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """ALICE has ann, who has two keys, and BOB has ben, who has one."""
    store = SqliteStore(tmp_path / "whiteroom.db")
    with store.transaction() as tx:
        for owner, name in ((ANN, "ann"), (BEN, "ben")):
            tx.accounts.add(Account(owner.account_id, name, NOON))
            tx.users.add(User(f"AIDA{name}", owner.account_id, name, Role.ANALYST, NOON))
            for key_id, secret in owner.keys:
                tx.access_keys.add(
                    AccessKey(key_id, owner.account_id, secret, AccessKeyStatus.ACTIVE, NOON, f"AIDA{name}")
                )
    yield store
    store.close()


def found(store: SqliteStore, *, dev: bool = False) -> dict[str, set[tuple[str, str]]]:
    with store.reading() as tx:
        return {one.account_id: set(one.keys) for one in owners(tx, dev=dev)}


def test_accounts_have_the_keys_of_their_users(store: SqliteStore) -> None:
    assert found(store) == {ALICE: set(ANN.keys), BOB: set(BEN.keys)}


def test_what_no_longer_signs_opens_nothing(store: SqliteStore) -> None:
    with store.transaction() as tx:
        key, user, account = tx.access_keys.get("AKIAAMY"), tx.users.get("AIDAben"), tx.accounts.get(BOB)
        assert key is not None
        assert user is not None
        assert account is not None
        tx.access_keys.update(key, status=AccessKeyStatus.INACTIVE)
        tx.users.update(user, standing=Standing.DISABLED)
    assert found(store) == {ALICE: {ANN.keys[0]}, BOB: set()}
    with store.transaction() as tx:
        tx.accounts.update(account, standing=Standing.DISABLED)
    assert found(store) == {ALICE: {ANN.keys[0]}}


def test_in_development_who_has_joined_a_collaboration_signs_with_its_number(tmp_path: Path) -> None:
    world = World(tmp_path)
    assert found(world.store) == {}
    assert found(world.store, dev=True) == {account: {(account, "any")} for account in (ALICE, BOB)}
    world.close()
