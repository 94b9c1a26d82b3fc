"""Roles that users assume, on the command line."""

from __future__ import annotations

import configparser

import pytest

from support.command import CommandLine
from whiteroom.base.callers import Role
from whiteroom.base.clock import utc_now
from whiteroom.domain.resources.accounts import AssumableRole, may_assume
from whiteroom.domain.verdicts import Denied

ALICE = "111111111111"
NIGHTLY = ("roles", "add", "--account", ALICE, "nightly", "--role", "analyst", "--assumed-by")


@pytest.fixture
def hospital(cli: CommandLine) -> CommandLine:
    """Commands on a folder that has an account with a user besides the first."""
    cli("accounts", "add", ALICE)
    cli("users", "add", "--account", ALICE, "zoe", "--role", "privacy-officer")
    return cli


@pytest.mark.parametrize(("user", "source"), [("zoe", f"whiteroom-{ALICE}-zoe"), ("*", f"whiteroom-{ALICE}")])
def test_a_role_is_printed_as_a_profile_that_stands_on_its_users(hospital: CommandLine, user: str, source: str) -> None:
    profile = configparser.ConfigParser()
    profile.read_string(hospital(*NIGHTLY, user).out)
    values = profile[f"profile {source}-nightly"]
    assert (values["role_arn"], values["source_profile"]) == (f"arn:aws:iam::{ALICE}:role/nightly", source)
    assert values["endpoint_url"].startswith("http://")


def test_roles_are_listed_with_what_they_may_and_for_whom(hospital: CommandLine) -> None:
    hospital(*NIGHTLY, "zoe", "--assumed-by", "admin", "--max-session-seconds", "7200")
    (row,) = hospital("roles", "list", "--account", ALICE, "--json").json
    assert (row["name"], row["role"], row["assumedBy"], row["maxSessionSeconds"]) == (
        *("nightly", "analyst"),
        *(["zoe", "admin"], 7200),
    )
    assert "zoe, admin" in hospital("roles", "list").out


def test_a_removed_role_is_gone(hospital: CommandLine) -> None:
    hospital(*NIGHTLY, "zoe")
    assert hospital("roles", "remove", "--account", ALICE, "nightly").code == 0
    assert hospital("roles", "list", "--json").json == []
    assert "It has none." in hospital("roles", "remove", "--account", ALICE, "nightly").err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*NIGHTLY, "nobody"), "has no user 'nobody'. Its users are: admin, zoe."),
        ((*NIGHTLY, "zoe", "--max-session-seconds", "60"), "from 3600 to 43200"),
        ((*NIGHTLY, "zoe", "--max-session-seconds", "43201"), "from 3600 to 43200"),
        (("roles", "add", "--account", ALICE, "a/b", "--role", "analyst", "--assumed-by", "zoe"), "no name of a role"),
        (("roles", "add", "--account", "1" * 11, "x", "--role", "analyst", "--assumed-by", "zoe"), "twelve digits"),
        (("roles", "add", "--account", "2" * 12, "x", "--role", "analyst", "--assumed-by", "zoe"), "no account 2222"),
        (("roles", "list", "--account", "2" * 12), "no account 2222"),
    ],
)
def test_what_cannot_be_a_role_is_refused_with_a_sentence(
    hospital: CommandLine, arguments: tuple[str, ...], said: str
) -> None:
    answer = hospital(*arguments)
    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err


def test_a_role_is_added_once(hospital: CommandLine) -> None:
    hospital(*NIGHTLY, "zoe")
    assert "roles remove" in hospital(*NIGHTLY, "zoe").err


def test_no_role_trusts_a_user_that_is_made_anew_under_the_name_of_one_that_was_removed(hospital: CommandLine) -> None:
    hospital(*NIGHTLY, "zoe")
    hospital("users", "remove", "--account", ALICE, "zoe")
    hospital("users", "add", "--account", ALICE, "zoe", "--role", "analyst")
    (row,) = hospital("roles", "list", "--account", ALICE, "--json").json
    assert row["assumedBy"] == []
    role = AssumableRole("AROA1", ALICE, "nightly", Role.ANALYST, (), 3600, utc_now())
    refused = may_assume(role, "zoe")
    assert isinstance(refused, Denied)
    assert "for nobody" in refused.reason
