"""Every page of a member's, asked for by every kind of caller: what it shows is what the API would."""

from __future__ import annotations

import itertools
import re

import pytest

from support.console import OpenConsole, signed_in_as, text_of
from support.hostile import HOSTILE, markup_of_others
from support.worlds.callers import CALLERS, PLANTED
from support.worlds.everything import FullRoom
from support.worlds.requests import collaboration_request, member
from support.worlds.rooms import Parts, Room
from support.worlds.servers import a_server
from whiteroom.base.callers import Role

HERE = "/console/collaborations/{collaboration}"
PAGES = ("/console", HERE, f"{HERE}/join", f"{HERE}/receiving", f"{HERE}/uses", f"{HERE}/revoking", f"{HERE}/leaving")
"""Pages that a member looks at; those of one collaboration by its id."""
INSIDE = {"creator", "querier", "owner", "author", "payer", "receiver", "other"}
NOT_JOINED = {"invited"}


def status_for(caller: str, page: str) -> int:
    """What a caller is answered: those who have no part in a collaboration see none of its pages."""
    if page == "/console":
        return 200
    if caller in INSIDE or (caller in NOT_JOINED and page in (HERE, f"{HERE}/join", f"{HERE}/uses")):
        return 200
    return 200 if caller == "left" and page == f"{HERE}/uses" else 403


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("caller", CALLERS)
def test_nobody_reads_on_a_page_what_the_api_would_not_tell(
    console: OpenConsole, callers: FullRoom, caller: str, page: str
) -> None:
    browser = console.browser()
    browser.sign_in(CALLERS[caller])
    answer = browser.get(page.format(collaboration=callers.room.collaboration_id))
    assert answer.status_code == status_for(caller, page), text_of(answer.text)
    assert set(re.findall(rf"{PLANTED}(\w+)", answer.text)) <= {caller}
    assert markup_of_others(answer.text) == []
    if answer.status_code == 403:
        assert "Market" not in answer.text
        assert "patients" not in answer.text


def hostile_room(console: OpenConsole, text: str, number: int) -> Room:
    """A room of three accounts of its own, whose every name and description that can be is the text."""
    accounts = [f"{77 * 10**10 + number * 10 + part:012d}" for part in range(3)]
    parts = Parts(querier=accounts[0], owner=accounts[1], author=accounts[2], receiver=accounts[2])
    server = a_server(console.store)
    server.ids = itertools.count(10**6 + number * 1000)
    room = Room(server, parts=parts)
    changes = {"name": text, "description": text, "creatorDisplayName": text}
    receives = {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]}
    members = [member(accounts[1], text), member(accounts[2], text, mlMemberAbilities=receives)]
    room.invite(accounts[0], **collaboration_request(members=members, **changes))
    for account in accounts:
        room.join(account)
    room.table = room.shared_table(accounts[1], "patients")
    room.algorithm_arn = room.algorithm(name=text)
    room.association_arn = room.association(name=text, description=text)
    return room


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_whatever_members_write_is_text_on_every_page(console: OpenConsole, number: int) -> None:
    text = HOSTILE[number]
    room = hostile_room(console, text, number)
    for account in (room.parts.querier, room.parts.owner, room.parts.receiver):
        browser = console.browser()
        browser.sign_in(account)
        for page in PAGES:
            answer = browser.get(page.format(collaboration=room.collaboration_id))
            assert answer.status_code == 200
            assert markup_of_others(answer.text) == [], page
            assert " ".join(text.split()) in text_of(answer.text), page


@pytest.mark.parametrize("role", Role)
def test_a_form_is_offered_to_those_whose_role_may_send_it(console: OpenConsole, callers: FullRoom, role: Role) -> None:
    browser = signed_in_as(console, CALLERS["invited"], role)
    page = browser.get(f"/console/collaborations/{callers.room.collaboration_id}/join").text
    assert ("<button>Join</button>" in page) == (role is Role.ADMINISTRATOR)
    home = browser.get("/console").text
    assert ("/join" in home) == (role is Role.ADMINISTRATOR)
