"""Temporary credentials: who gets which, what their token says, and with what they end."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.fake_data import MemoryCatalog
from support.shapes import assert_fits, service_model
from whiteroom.base.callers import ROOT, Caller, Credential, Principal, Role
from whiteroom.base.faults import Fault, NotAuthorized, ValidationFault
from whiteroom.domain.resources.accounts import (
    EVERY_USER,
    AccessKey,
    AccessKeyStatus,
    Account,
    AssumableRole,
    Standing,
    User,
)
from whiteroom.domain.resources.quotas import Quotas
from whiteroom.domain.resources.sessions import secret_of, session_in
from whiteroom.operations.context import Context, Deployment
from whiteroom.operations.registry import STS, answer, handlers
from whiteroom.operations.sts.sessions import REFUSED
from whiteroom.store.credentials import Credentials
from whiteroom.store.sqlite import SqliteStore

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
SECRET = bytes(range(32))
HOSPITAL, BANK = "111111111111", "222222222222"


@dataclass
class House:
    """Two accounts, their users, a role of each, and whoever asks for sessions."""

    store: SqliteStore
    dev: bool = False
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        with self.store.transaction() as tx:
            for account in (HOSPITAL, BANK):
                tx.accounts.add(Account(account, account, NOON))
        self.session = self.store.session()

    def user(self, name: str, role: Role = Role.ADMINISTRATOR, account: str = HOSPITAL) -> str:
        """A new user; answers its key."""
        number = next(self.numbers)
        with self.store.transaction() as tx:
            tx.users.add(User(f"AIDA{number}", account, name, role, NOON))
            tx.access_keys.add(AccessKey(f"WRKA{number}", account, "s", AccessKeyStatus.ACTIVE, NOON, f"AIDA{number}"))
        return f"WRKA{number}"

    def role(self, name: str, *assumed_by: str, role: Role = Role.ANALYST, seconds: int = 3600) -> AssumableRole:
        """A new role of the hospital."""
        made = AssumableRole(f"AROA{next(self.numbers)}", HOSPITAL, name, role, assumed_by, seconds, NOON)
        with self.store.transaction() as tx:
            tx.roles.add(made)
        return made

    @property
    def credentials(self) -> Credentials:
        return Credentials(lambda: self.session, SECRET, dev=self.dev)

    def ask(self, caller: Caller, operation: str, **request: Any) -> Any:
        with self.store.reading() as tx:
            deployment = Deployment(quotas=Quotas({}), session_secret=SECRET)
            context = Context(caller=caller, tx=tx, now=NOON, catalog=MemoryCatalog(), deployment=deployment)
            said = answer(handlers()[STS, operation], (STS, operation), request, context)
        assert_fits(service_model(STS).operation_model(operation).output_shape, said)
        return said

    def caller(self, key: str) -> Caller:
        """Who signs with a key."""
        found = self.credentials.key(key)
        assert found is not None
        return found.caller("eu-west-1")

    def assume(self, caller: Caller, arn: str, **request: Any) -> Any:
        return self.ask(caller, "AssumeRole", RoleArn=arn, RoleSessionName="monday", **request)

    def whose(self, credentials: Any) -> Credential | None:
        return self.credentials.session(credentials["SessionToken"])

    def refused(self, fault: type[Fault], caller: Caller, arn: str, **request: Any) -> str:
        with pytest.raises(fault) as caught:
            self.assume(caller, arn, **request)
        return caught.value.message


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = SqliteStore(tmp_path / "whiteroom.db")
    yield store
    store.close()


@pytest.fixture
def house(store: SqliteStore) -> House:
    return House(store)


@pytest.fixture
def zoe(house: House) -> Caller:
    return house.caller(house.user("zoe", Role.PRIVACY_OFFICER))


def test_who_assumes_a_role_is_what_the_role_is_and_still_named(house: House, zoe: Caller) -> None:
    role = house.role("nightly", "zoe")
    said = house.assume(zoe, role.arn)
    assert said["AssumedRoleUser"] == {
        "Arn": f"arn:aws:sts::{HOSPITAL}:assumed-role/nightly/monday",
        "AssumedRoleId": f"{role.id}:monday",
    }
    credential = house.whose(said["Credentials"])
    assert credential is not None
    assert credential.access_key_id == said["Credentials"]["AccessKeyId"]
    assert credential.access_key_id.startswith("ASIA")
    assert len(said["Credentials"]["SecretAccessKey"]) == 40
    assert credential.secret_access_key == said["Credentials"]["SecretAccessKey"]
    caller = credential.caller("eu-west-1")
    assert (caller.user, caller.role, caller.temporary) == ("zoe", Role.ANALYST, True)
    assert house.ask(caller, "GetCallerIdentity") == {
        "Arn": said["AssumedRoleUser"]["Arn"],
        "UserId": said["AssumedRoleUser"]["AssumedRoleId"],
        "Account": HOSPITAL,
    }


def test_a_users_own_session_is_the_user(house: House, zoe: Caller) -> None:
    credential = house.whose(house.ask(zoe, "GetSessionToken")["Credentials"])
    assert credential is not None
    assert credential.caller("eu-west-1") == zoe
    assert house.ask(credential.caller("x"), "GetCallerIdentity")["Arn"] == f"arn:aws:iam::{HOSPITAL}:user/zoe"


@pytest.mark.parametrize(
    ("operation", "asked", "seconds"),
    [
        ("AssumeRole", None, 3600),
        ("AssumeRole", 900, 900),
        ("AssumeRole", 7200, 7200),
        ("GetSessionToken", None, 43_200),
        ("GetSessionToken", 129_600, 129_600),
    ],
)
def test_a_session_lasts_as_long_as_it_was_asked_for_or_as_aws_says(
    house: House, zoe: Caller, operation: str, asked: int | None, seconds: int
) -> None:
    request: dict[str, Any] = {} if asked is None else {"DurationSeconds": asked}
    if operation == "AssumeRole":
        said = house.assume(zoe, house.role("nightly", "zoe", seconds=7200).arn, **request)
    else:
        said = house.ask(zoe, operation, **request)
    credential = house.whose(said["Credentials"])
    assert credential is not None
    assert said["Credentials"]["Expiration"] == credential.expires_at == NOON + timedelta(seconds=seconds)


def test_a_session_lasts_no_longer_than_the_role_allows(house: House, zoe: Caller) -> None:
    said = house.refused(ValidationFault, zoe, house.role("nightly", "zoe").arn, DurationSeconds=3601)
    assert "3601 is more than 3600" in said


def test_a_role_is_for_those_whom_it_names(house: House, zoe: Caller) -> None:
    role = house.role("nightly", "anna", "olga")
    said = house.refused(NotAuthorized, zoe, role.arn)
    assert f"user/zoe is not authorized to perform: sts:AssumeRole on resource: {role.arn}" in said
    assert "the role is for anna and olga, and not for zoe" in said
    assert house.assume(zoe, house.role("open", EVERY_USER).arn)


@pytest.mark.parametrize(
    ("arn", "because"),
    [
        (f"arn:aws:iam::{BANK}:role/nightly", "another account"),
        (f"arn:aws:iam::{HOSPITAL}:role/daily", "no such role"),
        (f"arn:aws:iam::{HOSPITAL}:role/path/nightly", "no such role"),
        (f"arn:aws-cn:iam::{HOSPITAL}:role/nightly", "no such role"),
    ],
)
def test_no_other_role_can_be_assumed(house: House, zoe: Caller, arn: str, because: str) -> None:
    house.role("nightly", EVERY_USER)
    assert because in house.refused(NotAuthorized, zoe, arn)


@pytest.mark.parametrize(
    "arn",
    [
        "nightly-nightly-nightly",
        f"arn:aws:iam::{HOSPITAL}:user/nightly",
        f"arn:aws:iam:eu-west-1:{HOSPITAL}:role/nightly",
        f"arn:aws:sts::{HOSPITAL}:assumed-role/nightly/x",
        f"arn:aws:iam::{HOSPITAL}:role/",
    ],
)
def test_what_is_no_arn_of_a_role_is_said_to_be_none(house: House, zoe: Caller, arn: str) -> None:
    assert "arn:aws:iam::ACCOUNT:role/NAME" in house.refused(ValidationFault, zoe, arn)


def test_a_session_of_a_role_assumes_no_other_and_gets_no_session(house: House, zoe: Caller) -> None:
    role = house.role("nightly", EVERY_USER)
    credential = house.whose(house.assume(zoe, role.arn)["Credentials"])
    assert credential is not None
    inside = credential.caller("eu-west-1")
    assert "a session of a role assumes no other" in house.refused(NotAuthorized, inside, role.arn)
    with pytest.raises(NotAuthorized, match="Cannot call GetSessionToken with session credentials"):
        house.ask(inside, "GetSessionToken")


def test_a_users_own_session_assumes_roles_and_gets_no_other_session(house: House, zoe: Caller) -> None:
    credential = house.whose(house.ask(zoe, "GetSessionToken")["Credentials"])
    assert credential is not None
    inside = credential.caller("eu-west-1")
    with pytest.raises(NotAuthorized):
        house.ask(inside, "GetSessionToken")
    second = house.whose(house.assume(inside, house.role("nightly", "zoe").arn)["Credentials"])
    assert second is not None
    assert second.made_with == zoe.access_key_id


VALUES: dict[str, Any] = {
    "PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}],
    "Tags": [{"Key": "a", "Value": "b"}],
    "TransitiveTagKeys": ["a"],
    "ProvidedContexts": [{}],
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_have_no_effect_is_refused_by_name(house: House, zoe: Caller, name: str) -> None:
    arn = house.role("nightly", "zoe").arn
    assert house.refused(ValidationFault, zoe, arn, **{name: VALUES.get(name, "123456")}).startswith(f"{name} is not")


def test_every_parameter_has_an_effect_or_is_refused() -> None:
    members = {
        name
        for operation in ("AssumeRole", "GetSessionToken")
        for name in service_model(STS).operation_model(operation).input_shape.members
    }
    working = {"RoleArn", "RoleSessionName", "DurationSeconds", "MinimumSessionTokenSize"}
    assert members - set(REFUSED) == working


@pytest.mark.parametrize("size", [0, 1, 2000, 4095, 4096])
def test_a_token_is_as_large_as_a_client_wants_to_try(house: House, zoe: Caller, size: int) -> None:
    credentials = house.ask(zoe, "GetSessionToken", MinimumSessionTokenSize=size)["Credentials"]
    assert size <= len(credentials["SessionToken"]) <= 8192
    assert house.whose(credentials) is not None


def test_no_two_sessions_have_anything_in_common(house: House, zoe: Caller) -> None:
    made = [house.ask(zoe, "GetSessionToken")["Credentials"] for _ in range(20)]
    for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"):
        assert len({credentials[name] for credentials in made}) == 20


def test_a_changed_token_is_none(house: House, zoe: Caller) -> None:
    token = house.ask(zoe, "GetSessionToken")["Credentials"]["SessionToken"]
    body, _, seal = token.partition(".")
    document = json.loads(base64.urlsafe_b64decode(body))
    later = base64.urlsafe_b64encode(json.dumps({**document, "expires_at": 2**40}).encode()).decode()
    for other in (
        *(
            token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
            for place in range(len(token) - 2)
        ),
        f"{later}.{seal}",
        *(
            "",
            ".",
            body,
            f"{body}.",
            f".{seal}",
            token[:-1],
            f"{token}A",
            f"{token}.{seal}",
            f"{token}\u00e9",
            "\u0100",
        ),
    ):
        assert session_in(other, SECRET) is None, other
    assert session_in(token, bytes(32)) is None
    assert secret_of(token, SECRET) != secret_of(token, bytes(32))


def ends(house: House, credentials: Any) -> bool:
    return house.whose(credentials) is None


def test_a_session_ends_with_the_key_that_made_it_and_with_no_other(house: House) -> None:
    key = house.user("zoe")
    credentials = house.ask(house.caller(key), "GetSessionToken")["Credentials"]
    other = house.user("anna")
    for ended, expected in ((other, False), (key, True)):
        with house.store.transaction() as tx:
            record = tx.access_keys.get(ended)
            assert record is not None
            tx.access_keys.update(record, status=AccessKeyStatus.INACTIVE)
        assert ends(house, credentials) == expected


@pytest.mark.parametrize("kind", ["users", "accounts"])
def test_a_session_ends_with_its_user_and_its_account(house: House, zoe: Caller, kind: str) -> None:
    own = house.ask(zoe, "GetSessionToken")["Credentials"]
    assumed = house.assume(zoe, house.role("nightly", "zoe").arn)["Credentials"]
    with house.store.transaction() as tx:
        repository: Any = getattr(tx, kind)
        (record, *_) = repository.all()
    for standing, ended in ((Standing.DISABLED, True), (Standing.ENABLED, False)):
        with house.store.transaction() as tx:
            getattr(tx, kind).update(record, standing=standing)
        assert ends(house, own) == ends(house, assumed) == ended
    with house.store.transaction() as tx:
        getattr(tx, kind).remove(record)
    assert ends(house, own)
    assert ends(house, assumed)


def test_a_user_made_later_under_the_same_name_does_not_wake_the_sessions_of_the_first(house: House) -> None:
    credentials = house.ask(house.caller(house.user("zoe")), "GetSessionToken")["Credentials"]
    with house.store.transaction() as tx:
        for user in tx.users.all():
            tx.users.remove(user)
    house.user("zoe")
    assert ends(house, credentials)


def test_a_session_of_a_role_ends_with_the_role_and_with_its_trust(house: House, zoe: Caller) -> None:
    role = house.role("nightly", "zoe")
    credentials = house.assume(zoe, role.arn)["Credentials"]
    with house.store.transaction() as tx:
        tx.roles.update(role, assumed_by=("anna",))
    assert ends(house, credentials)
    with house.store.transaction() as tx:
        tx.roles.update(role, assumed_by=(EVERY_USER,))
    assert not ends(house, credentials)
    with house.store.transaction() as tx:
        tx.roles.remove(role)
        tx.roles.add(replace(role, id="AROAOTHER"))
    assert ends(house, credentials)


def test_what_a_role_may_do_is_looked_up_at_every_request(house: House, zoe: Caller) -> None:
    role = house.role("nightly", "zoe")
    credentials = house.assume(zoe, role.arn)["Credentials"]
    with house.store.transaction() as tx:
        tx.roles.update(role, role=Role.ADMINISTRATOR)
    found = house.whose(credentials)
    assert found is not None
    assert found.principal == Principal("zoe", Role.ADMINISTRATOR, "nightly/monday", role.id)


def test_an_accounts_root_has_sessions_in_development_mode_and_no_other_server_takes_them(store: SqliteStore) -> None:
    house = House(store, dev=True)
    root = Caller(HOSPITAL, "eu-west-1", ROOT, HOSPITAL)
    own = house.ask(root, "GetSessionToken", DurationSeconds=7200)["Credentials"]
    assert own["Expiration"] == NOON + timedelta(hours=1)  # AWS: a root's lasts an hour
    assumed = house.assume(root, house.role("nightly", "zoe").arn)["Credentials"]
    for credentials, role in ((own, Role.ADMINISTRATOR), (assumed, Role.ANALYST)):
        found = house.whose(credentials)
        assert found is not None
        assert (found.principal.user, found.principal.role) == ("root", role)
    house.dev = False
    assert ends(house, own)
    assert ends(house, assumed)
