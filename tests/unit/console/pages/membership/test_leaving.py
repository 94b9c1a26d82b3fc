"""Leaving by a form: what is the member's goes first, in an order in which nothing is opened on the way."""

from __future__ import annotations

import pytest

from support.console import Browser, OpenConsole, signed_in_as, text_of
from support.worlds.every_request import lifetime_budget
from support.worlds.owned import an_owned_room, dan_of, everything
from support.worlds.requests import SQL
from support.worlds.rooms import Room
from whiteroom.base.callers import Role
from whiteroom.domain.resources.collaborations import MemberStatus, member_id

MAY = {Role.ADMINISTRATOR: True, Role.PRIVACY_OFFICER: True, Role.ANALYST: False}


def signed_in(console: OpenConsole, account: str) -> Browser:
    browser = console.browser()
    browser.sign_in(account)
    return browser


def path_of(room: Room) -> str:
    return f"/console/collaborations/{room.collaboration_id}/leaving"


def status_of(console: OpenConsole, room: Room, account: str) -> MemberStatus:
    with console.store.reading() as tx:
        found = tx.members.get(member_id(room.collaboration_id, account))
        assert found is not None
        return found.status


@pytest.fixture
def room(console: OpenConsole) -> Room:
    """BOB has a table with a budget, budgets of noise and a template, and things rest on the table."""
    room = an_owned_room(console.store)
    everything(room)
    owner = room.parts.owner
    schemas = room.server.cleanrooms(owner, "ListSchemas", **room.here)["schemaSummaries"]
    (resource,) = (one["resourceArn"] for one in schemas if one["creatorAccountId"] == owner)
    room.server.cleanrooms(owner, "CreatePrivacyBudgetTemplate", **room.of(owner), **lifetime_budget(resource))
    room.server.cleanrooms(
        owner,
        "CreatePrivacyBudgetTemplate",
        **room.of(owner),
        privacyBudgetType="DIFFERENTIAL_PRIVACY",
        autoRefresh="NONE",
        parameters={"differentialPrivacy": {"epsilon": 3, "usersNoisePerQuery": 30}},
    )
    template = {"name": "template", "format": "SQL", "source": {"text": SQL}}
    room.server.cleanrooms(owner, "CreateAnalysisTemplate", **room.of(owner), **template)
    return room


@pytest.mark.parametrize("role", Role)
def test_who_may_leaves_with_all_that_is_its_own_and_who_may_not_takes_nothing_away(
    console: OpenConsole, room: Room, role: Role
) -> None:
    owner = room.parts.owner
    browser = signed_in_as(console, owner, role)
    page = browser.get(path_of(room)).text
    for sentence in (
        "tables: patients",
        "budgets: DIFFERENTIAL_PRIVACY, ACCESS_BUDGET",
        "analysis templates: template",
    ):
        assert sentence in text_of(page)
    assert "1 trained model rest on it" in text_of(page)
    assert (f'action="{path_of(room)}"' in page) == MAY[role]
    answer = browser.press(path_of(room), confirmed="on")
    assert answer.status_code == (303 if MAY[role] else 403), text_of(answer.text)
    assert status_of(console, room, owner) is (MemberStatus.LEFT if MAY[role] else MemberStatus.ACTIVE)
    with console.store.reading() as tx:
        table = tx.configured_table_associations.get(room.table.association_id)
        assert (table is None) == MAY[role]
    if MAY[role]:
        home = browser.get("/console").text
        assert f"/console/collaborations/{room.collaboration_id}/uses" in home
        assert f'/console/collaborations/{room.collaboration_id}"' not in home
        assert browser.get(path_of(room)).status_code == 403


def test_nothing_is_done_before_it_is_confirmed(console: OpenConsole, room: Room) -> None:
    answer = signed_in(console, room.parts.owner).press(path_of(room))
    assert answer.status_code == 400
    assert "Nothing was done: confirm" in text_of(answer.text)
    assert status_of(console, room, room.parts.owner) is MemberStatus.ACTIVE


def test_who_brings_an_algorithm_that_something_rests_on_is_told_and_loses_nothing(
    console: OpenConsole, room: Room
) -> None:
    author = room.parts.author
    room.table_association(author, room.configured_table(author, "own"), "own")
    browser = signed_in(console, author)
    answer = browser.press(path_of(room), confirmed="on")
    assert answer.status_code == 409
    assert "is used by" in text_of(answer.text)
    assert status_of(console, room, author) is MemberStatus.ACTIVE
    assert "tables: own" in text_of(browser.get(path_of(room)).text)


def test_a_member_with_nothing_of_its_own_leaves_at_once(console: OpenConsole) -> None:
    room = an_owned_room(console.store)
    with console.store.transaction() as tx:
        for one in tx.configured_table_associations.all(collaboration_id=room.collaboration_id):
            if one.account_id == dan_of(room):
                tx.configured_table_associations.remove(one)
    browser = signed_in(console, dan_of(room))
    assert "You have no tables, algorithms, budgets or templates here." in text_of(browser.get(path_of(room)).text)
    assert browser.press(path_of(room), confirmed="on").status_code == 303
    assert status_of(console, room, dan_of(room)) is MemberStatus.LEFT


def test_nobody_leaves_for_another(console: OpenConsole, room: Room) -> None:
    browser = signed_in(console, "999999999999")
    assert browser.get(path_of(room)).status_code == 403
    assert browser.press(path_of(room), confirmed="on").status_code == 403
