"""Users of an account, and their keys, on the command line."""

from __future__ import annotations

import configparser
from typing import Any

import pytest

from support.command import CommandLine

ALICE = "111111111111"
BOB = "222222222222"


@pytest.fixture
def hospital(cli: CommandLine) -> CommandLine:
    """Commands on a folder that has an account."""
    cli("accounts", "add", ALICE)
    return cli


def add(cli: CommandLine, name: str, role: str = "analyst", account: str = ALICE) -> Any:
    return cli("users", "add", "--account", account, name, "--role", role, "--json").json


def test_a_user_gets_a_key_and_a_profile_of_its_own(hospital: CommandLine) -> None:
    answer = hospital("users", "add", "--account", ALICE, "zoe", "--role", "privacy-officer")
    profile = configparser.ConfigParser()
    profile.read_string(answer.out)
    assert profile[f"profile whiteroom-{ALICE}-zoe"]["aws_access_key_id"]
    assert "not shown again" in answer.err


@pytest.mark.parametrize("role", ["administrator", "analyst", "privacy-officer"])
def test_users_are_listed_with_their_roles_and_keys(hospital: CommandLine, role: str) -> None:
    made = add(hospital, "zoe", role)
    rows = hospital("users", "list", "--account", ALICE, "--json").json
    assert [(row["user"], row["role"], row["status"], row["accessKeyIds"]) for row in rows[1:]] == [
        ("zoe", role, "ENABLED", [made["accessKeyId"]])
    ]
    table = hospital("users", "list").out
    assert made["accessKeyId"] in table
    assert made["secretAccessKey"] not in table


def test_the_list_of_an_account_has_no_user_of_another(hospital: CommandLine) -> None:
    hospital("accounts", "add", BOB)
    add(hospital, "zoe", account=BOB)
    assert [row["user"] for row in hospital("users", "list", "--account", ALICE, "--json").json] == ["admin"]
    assert len(hospital("users", "list", "--json").json) == 3


def test_users_of_two_accounts_may_be_named_alike(hospital: CommandLine) -> None:
    hospital("accounts", "add", BOB)
    assert add(hospital, "zoe")["accessKeyId"] != add(hospital, "zoe", account=BOB)["accessKeyId"]


def test_a_user_has_as_many_keys_as_it_is_given_and_loses_the_one_that_is_removed(hospital: CommandLine) -> None:
    first = add(hospital, "zoe")
    second = hospital("keys", "add", "--account", ALICE, "zoe", "--json").json
    assert (second["user"], second["role"]) == ("zoe", "analyst")
    assert hospital("keys", "remove", first["accessKeyId"]).code == 0
    rows = hospital("keys", "list", "--account", ALICE, "--json").json
    assert [(row["user"], row["accessKeyId"], row["status"]) for row in rows[1:]] == [
        ("zoe", first["accessKeyId"], "INACTIVE"),
        ("zoe", second["accessKeyId"], "ACTIVE"),
    ]
    assert second["secretAccessKey"] not in hospital("keys", "list").out


def test_a_user_may_be_given_another_role(hospital: CommandLine) -> None:
    add(hospital, "zoe")
    assert hospital("users", "change", "--account", ALICE, "zoe", "--role", "administrator").code == 0
    assert hospital("users", "list", "--json").json[1]["role"] == "administrator"


def test_a_user_that_is_removed_is_listed_no_more_and_its_keys_are_inactive(hospital: CommandLine) -> None:
    key = add(hospital, "zoe")["accessKeyId"]
    assert hospital("users", "remove", "--account", ALICE, "zoe").code == 0
    assert [row["user"] for row in hospital("users", "list", "--json").json] == ["admin"]
    row = next(row for row in hospital("keys", "list", "--json").json if row["accessKeyId"] == key)
    assert (row["user"], row["status"]) == (None, "INACTIVE")
    assert "(gone)" in hospital("keys", "list").out


def test_a_user_is_disabled_until_it_is_enabled(hospital: CommandLine) -> None:
    add(hospital, "zoe")
    for verb, status in (("disable", "DISABLED"), ("enable", "ENABLED")):
        hospital("users", verb, "--account", ALICE, "zoe")
        assert hospital("users", "list", "--json").json[1]["status"] == status


@pytest.mark.parametrize("command", [("change", "--role", "analyst"), ("disable",), ("enable",), ("remove",)])
def test_a_user_that_is_not_there_is_refused_with_those_that_are(
    hospital: CommandLine, command: tuple[str, ...]
) -> None:
    verb, *rest = command
    answer = hospital("users", verb, "--account", ALICE, "zoe", *rest)
    assert answer.code == 1
    assert "Its users are: admin." in answer.err


@pytest.mark.parametrize(
    ("account", "said"), [(BOB, f"accounts add {BOB}"), ("1", "twelve digits"), ("\u0661" * 12, "twelve digits")]
)
@pytest.mark.parametrize(
    "command",
    [
        ("users", "add", "zoe", "--role", "analyst"),
        ("users", "list"),
        ("users", "disable", "zoe"),
        ("keys", "add", "zoe"),
        ("keys", "list"),
    ],
)
def test_an_account_that_is_not_there_has_no_users(
    hospital: CommandLine, command: tuple[str, ...], account: str, said: str
) -> None:
    answer = hospital(*command, "--account", account)
    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err


@pytest.mark.parametrize("name", ["", "a b", "zo\u00eb", "x" * 65, "a/b", "\x1b[2J", "root"])
def test_a_name_that_aws_would_not_take_or_that_means_the_account_is_refused(hospital: CommandLine, name: str) -> None:
    answer = hospital("users", "add", name, "--account", ALICE, "--role", "analyst")
    assert answer.code == 1
    assert "\x1b" not in answer.err


def test_a_user_is_added_once(hospital: CommandLine) -> None:
    add(hospital, "zoe")
    answer = hospital("users", "add", "--account", ALICE, "zoe", "--role", "analyst")
    assert answer.code == 1
    assert "keys add" in answer.err


def test_a_role_that_is_none_is_a_usage_error_that_names_those_there_are(hospital: CommandLine) -> None:
    answer = hospital("users", "add", "--account", ALICE, "zoe", "--role", "king")
    assert answer.code == 2
    assert "privacy-officer" in answer.err


def test_a_key_that_is_not_there_is_refused(hospital: CommandLine) -> None:
    answer = hospital("keys", "remove", "WRKANOSUCHKEY")
    assert answer.code == 1
    assert "keys list" in answer.err
