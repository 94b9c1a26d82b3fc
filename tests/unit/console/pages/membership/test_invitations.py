"""Joining by a form: what is shown is what is accepted, and the role decides."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from support.console import Browser, OpenConsole, signed_in_as, text_of
from support.worlds.requests import collaboration_request, member
from support.worlds.rooms import Room
from support.worlds.servers import a_server
from whiteroom.base.callers import Role
from whiteroom.domain.resources.collaborations import member_id

CREATOR, GUEST = "323232320001", "323232320002"
_NUMBERS = itertools.count(2 * 10**6, 1000)
TRAININGS = {
    "queryCompute": {"isResponsible": False},
    "machineLearning": {"modelTraining": {"isResponsible": True}},
}


def invitation(console: OpenConsole, payment: Any = None, **changes: Any) -> Room:
    """A collaboration of CREATOR's, to which GUEST is invited."""
    server = a_server(console.store)
    server.ids = itertools.count(next(_NUMBERS))
    room = Room(server)
    guest = member(GUEST, "Guest", **({"paymentConfiguration": payment} if payment else {}))
    pays = {} if payment is None else {"creatorPaymentConfiguration": {"queryCompute": {"isResponsible": True}}}
    room.invite(CREATOR, **collaboration_request(members=[guest], **{**pays, **changes}))
    return room


def of_guest(console: OpenConsole, room: Room) -> Any:
    """GUEST's membership; None before it has joined."""
    with console.store.reading() as tx:
        found = tx.members.get(member_id(room.collaboration_id, GUEST))
        assert found is not None
        return None if found.membership_id is None else tx.memberships.get(found.membership_id)


@pytest.fixture
def browser(console: OpenConsole) -> Browser:
    browser = console.browser()
    browser.sign_in(GUEST)
    return browser


def test_an_invitation_leads_from_the_first_page_to_a_membership(console: OpenConsole, browser: Browser) -> None:
    room = invitation(console)
    path = f"/console/collaborations/{room.collaboration_id}"
    assert f'href="{path}/join"' in browser.get("/console").text
    assert f'href="{path}/join"' in browser.get(path).text
    assert "Nothing: Alice has assigned no cost to you." in text_of(browser.get(f"{path}/join").text)
    answer = browser.press(f"{path}/join")
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert of_guest(console, room).query_log_status == "DISABLED"
    assert "You are Active" in text_of(browser.get(path).text).replace("active", "Active")
    assert f'href="{path}/join"' not in browser.get(path).text


def test_what_somebody_would_pay_for_is_shown_and_nothing_else_is_accepted(
    console: OpenConsole, browser: Browser
) -> None:
    room = invitation(console, TRAININGS)
    path = f"/console/collaborations/{room.collaboration_id}/join"
    assert "I accept that we pay for trainings" in text_of(browser.get(path).text)
    refused = browser.press(path)
    assert refused.status_code == 400
    assert "is assigned to pay for modelTraining and must accept it" in text_of(refused.text)
    too_much = browser.press(path, **{"pays-modelTraining": "on", "pays-queryCompute": "on"})
    assert "is not assigned to pay for queryCompute" in text_of(too_much.text)
    assert of_guest(console, room) is None
    assert browser.press(path, **{"pays-modelTraining": "on"}).status_code == 303
    assert of_guest(console, room).payment_configuration == TRAININGS


def test_whoever_can_query_pays_for_what_it_causes_by_default_and_is_shown_that(
    console: OpenConsole, browser: Browser
) -> None:
    server = a_server(console.store)
    server.ids = itertools.count(next(_NUMBERS))
    room = Room(server)
    unpaid = {"queryCompute": {"isResponsible": False}}
    guest = member(GUEST, "Guest", memberAbilities=["CAN_QUERY"])
    request = collaboration_request(members=[guest], creatorMemberAbilities=[], creatorPaymentConfiguration=unpaid)
    del request["creatorMLMemberAbilities"]
    room.invite(CREATOR, **request)
    path = f"/console/collaborations/{room.collaboration_id}/join"
    shown = text_of(browser.get(path).text)
    costs = {"queryCompute": "queries", "modelTraining": "trainings", "modelInference": "inference jobs"}
    assert all(f"we pay for {words}" in shown for words in costs.values())
    assert "synthetic" not in shown
    assert browser.press(path, **{f"pays-{cost}": "on" for cost in costs}).status_code == 303
    assert of_guest(console, room).payment_configuration["queryCompute"] == {"isResponsible": True}


def test_logs_that_the_collaboration_has_are_offered_and_those_that_are_ticked_are_written(
    console: OpenConsole, browser: Browser
) -> None:
    room = invitation(console, queryLogStatus="ENABLED")
    path = f"/console/collaborations/{room.collaboration_id}/join"
    page = browser.get(path).text
    assert 'name="query_log"' in page
    assert 'name="job_log"' not in page
    browser.press(path, query_log="on")
    membership = of_guest(console, room)
    assert (membership.query_log_status, membership.job_log_status) == ("ENABLED", None)


@pytest.mark.parametrize("role", [Role.ANALYST, Role.PRIVACY_OFFICER])
def test_a_form_that_a_role_may_not_send_does_nothing_though_it_is_sent(console: OpenConsole, role: Role) -> None:
    room = invitation(console)
    answer = signed_in_as(console, GUEST, role).press(f"/console/collaborations/{room.collaboration_id}/join")
    assert answer.status_code == 403
    assert "is not authorized to perform: cleanrooms:CreateMembership" in text_of(answer.text)
    assert of_guest(console, room) is None


def test_nobody_joins_what_it_was_not_invited_to(console: OpenConsole) -> None:
    room = invitation(console)
    stranger = console.browser()
    stranger.sign_in("323232320003")
    assert stranger.press(f"/console/collaborations/{room.collaboration_id}/join").status_code == 403
