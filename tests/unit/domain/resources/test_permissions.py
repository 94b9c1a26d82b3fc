"""Which operations each role may ask for: the table is whole, and says what it means."""

from __future__ import annotations

import pytest

from whiteroom.answering import all_handlers
from whiteroom.base.callers import Caller, Principal, Role
from whiteroom.domain.resources.permissions import CALLED, KINDS, MAY, Kind, permitted

ACCOUNT = "111111111111"


def caller(role: Role, session: str = "") -> Caller:
    return Caller(ACCOUNT, "eu-west-1", Principal("alice", role, session, "AIDAALICE"))


def test_every_operation_that_is_answered_has_its_row_and_there_is_no_other_row() -> None:
    assert KINDS.keys() == all_handlers().keys()


def test_every_role_has_its_row_and_its_words() -> None:
    assert MAY.keys() == CALLED.keys() == set(Role)


def test_an_operation_without_a_row_is_for_nobody() -> None:
    for role in Role:
        assert not permitted(caller(role), "cleanrooms", "CreateThing")


def test_every_operation_is_for_administrators() -> None:
    assert all(permitted(caller(Role.ADMINISTRATOR), *name) for name in KINDS)


def test_a_privacy_officer_starts_and_administers_nothing() -> None:
    allowed = {kind for name, kind in KINDS.items() if permitted(caller(Role.PRIVACY_OFFICER), *name)}
    assert allowed == set(Kind) - {Kind.START, Kind.ADMINISTER}


def test_an_analyst_neither_approves_nor_revokes_nor_administers() -> None:
    allowed = {kind for name, kind in KINDS.items() if permitted(caller(Role.ANALYST), *name)}
    assert allowed == set(Kind) - {Kind.APPROVE, Kind.REVOKE, Kind.ADMINISTER}


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for (_, name), kind in KINDS.items() if kind in (Kind.READ, Kind.START, Kind.REVOKE)],
)
def test_what_only_shows_is_never_taken_for_more_nor_the_other_way_round(name: str, kind: Kind) -> None:
    shows = name.startswith(("BatchGet", "Describe", "Filter", "Get", "Head", "List", "Preview"))
    assert shows == (kind is Kind.READ)
    if kind is Kind.REVOKE:
        assert name.startswith("Delete")


@pytest.mark.parametrize(
    ("who", "arn"),
    [
        (caller(Role.PRIVACY_OFFICER), f"arn:aws:iam::{ACCOUNT}:user/alice"),
        (
            caller(Role.PRIVACY_OFFICER, "nightly/today"),
            f"arn:aws:sts::{ACCOUNT}:assumed-role/nightly/today",
        ),
    ],
)
def test_a_refusal_names_who_asks_in_which_role_and_what_it_would_take(who: Caller, arn: str) -> None:
    said = permitted(who, "cleanrooms", "StartProtectedQuery")
    assert not said
    assert said.reason == (
        f"User: {arn} is not authorized to perform: cleanrooms:StartProtectedQuery. It is a privacy officer, who "
        "reads, approves, revokes and stops work, and starts nothing. It takes the role administrator or analyst; "
        "the operator gives roles."
    )
