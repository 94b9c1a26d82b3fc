"""Taking back the use of a table by a form: what will end is said before, and the role decides who may."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support.console import Browser, OpenConsole, signed_in_as, text_of
from support.hostile import HOSTILE, markup_of_others
from support.worlds.owned import an_owned_room, dan_of, everything
from support.worlds.rooms import Room
from whiteroom.base.callers import Role
from whiteroom.console.pages.membership.revoking import WAYS
from whiteroom.reads.current_rules import CurrentRules

MAY = {Role.ADMINISTRATOR: True, Role.PRIVACY_OFFICER: True, Role.ANALYST: False}


@pytest.fixture
def room(console: OpenConsole) -> Room:
    """BOB's table, and one of everything that rests on it."""
    room = an_owned_room(console.store)
    everything(room)
    return room


def path_of(room: Room, way: str = "", association: str = "") -> str:
    here = f"/console/collaborations/{room.collaboration_id}/revoking"
    return f"{here}/{association or room.table.association_id}/{way}" if way else here


def kept(console: OpenConsole, room: Room) -> tuple[Any, Any]:
    """The table's association and its collaboration rule."""
    with console.store.reading() as tx:
        association_id = room.table.association_id
        return (
            tx.configured_table_associations.get(association_id),
            tx.configured_table_association_analysis_rules.get(association_id),
        )


def in_use(console: OpenConsole, room: Room) -> bool:
    """Whether the channel that was made of the table may be used."""
    with console.store.reading() as tx:
        (channel,) = tx.ml_input_channels.all(collaboration_id=room.collaboration_id)
        return bool(CurrentRules(tx).channel(channel))


def signed_in(console: OpenConsole, account: str) -> Browser:
    browser = console.browser()
    browser.sign_in(account)
    return browser


def rows_of(page: str) -> list[str]:
    return [text_of(f"<main {row}") for row in re.findall(r'<th scope="row">(.*?)</tr>', page, re.DOTALL)]


@pytest.mark.parametrize("way", WAYS)
def test_what_will_end_is_named_before_with_whose_it_is_and_who_would_receive(
    console: OpenConsole, room: Room, way: str
) -> None:
    page = signed_in(console, room.parts.owner).get(path_of(room, way)).text
    alice, carol = f"Alice ({room.parts.querier})", f"Carol ({room.parts.receiver})"
    assert rows_of(page) == [
        f"export away {alice} create pending {carol}",
        f"inference job scores {alice} create pending {carol}",
        f"trained model trial {alice} active whom an export or an inference job names",
        f"ML input channel rows {alice} active nobody",
    ]
    assert "1 ML input channel, 1 export, 1 inference job and 1 trained model rest on it." in text_of(page)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("role", Role)
def test_the_form_ends_it_for_those_whose_role_may_and_is_offered_to_them_alone(
    console: OpenConsole, room: Room, way: str, role: Role
) -> None:
    browser = signed_in_as(console, room.parts.owner, role)
    page = browser.get(path_of(room, way)).text
    assert (f'action="{path_of(room, way)}"' in page) == MAY[role]
    assert len(rows_of(page)) == 4
    answer = browser.press(path_of(room, way), confirmed="on", rule_type="CUSTOM")
    assert answer.status_code == (303 if MAY[role] else 403)
    assert in_use(console, room) != MAY[role]
    association, rule = kept(console, room)
    assert (rule is None) == MAY[role]
    assert (association is None) == (MAY[role] and way == "table")
    listing = text_of(browser.get(path_of(room)).text)
    assert ("it takes an administrator or a privacy officer" in listing) != MAY[role]


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_done_before_it_is_confirmed(console: OpenConsole, room: Room, way: str) -> None:
    browser = signed_in(console, room.parts.owner)
    answer = browser.press(path_of(room, way), rule_type="CUSTOM")
    assert answer.status_code == 400
    assert "Nothing was done: confirm" in text_of(answer.text)
    assert browser.get(path_of(room, way)).status_code == 200
    assert None not in kept(console, room)
    assert in_use(console, room)


@pytest.mark.parametrize("way", WAYS)
def test_nobody_else_sees_what_rests_on_a_table_or_ends_it(console: OpenConsole, room: Room, way: str) -> None:
    for account in (room.parts.querier, room.parts.author, dan_of(room), "999999999999"):
        browser = signed_in(console, account)
        for answer in (
            browser.get(path_of(room, way)),
            browser.press(path_of(room, way), confirmed="on", rule_type="CUSTOM"),
        ):
            assert answer.status_code in {403, 404}
            assert "away" not in text_of(answer.text)
    assert None not in kept(console, room)


def test_an_owner_sees_what_rests_on_its_own_table_and_nothing_of_anothers(console: OpenConsole, room: Room) -> None:
    browser = signed_in(console, dan_of(room))
    (own,) = room.server.cleanrooms(dan_of(room), "ListConfiguredTableAssociations", **room.of(dan_of(room)))[
        "configuredTableAssociationSummaries"
    ]
    page = browser.get(path_of(room, "table", own["id"])).text
    assert "Nothing that can be used, or runs now, was made of it." in text_of(page)
    listing = browser.get(path_of(room)).text
    assert "visits" in listing
    assert "patients" not in listing


def test_a_table_without_a_rule_has_none_to_take_back(console: OpenConsole, room: Room) -> None:
    browser = signed_in(console, room.parts.owner)
    browser.press(path_of(room, "rule"), confirmed="on", rule_type="CUSTOM")
    page = browser.get(path_of(room, "rule")).text
    assert "The table has no rule here: nothing reads it." in text_of(page)
    assert "<button class" not in page.partition("<main")[2]
    assert browser.press(path_of(room, "rule"), confirmed="on", rule_type="CUSTOM").status_code == 404
    assert f"{path_of(room, 'rule')}" not in browser.get(path_of(room)).text


@pytest.mark.parametrize("way", ["", "x", "rules", "association"])
def test_there_are_no_other_ways(console: OpenConsole, room: Room, way: str) -> None:
    browser = signed_in(console, room.parts.owner)
    path = f"{path_of(room)}/{room.table.association_id}/{way}"
    assert browser.get(path).status_code == 404
    assert browser.press(path, confirmed="on").status_code == 404
    assert None not in kept(console, room)


def test_names_of_what_rests_on_a_table_are_text(console: OpenConsole) -> None:
    room = an_owned_room(console.store)
    for text in HOSTILE:
        room.active_channel(text)
    page = signed_in(console, room.parts.owner).get(path_of(room, "rule")).text
    assert markup_of_others(page) == []
    assert len(rows_of(page)) == len(HOSTILE)
    assert all(" ".join(text.split()) in text_of(page) for text in HOSTILE)
