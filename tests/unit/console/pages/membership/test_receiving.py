"""Where a member receives, by forms."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from support.console import OpenConsole, signed_in_as, text_of
from support.worlds.requests import collaboration_request, member, role_of
from support.worlds.rooms import Room
from support.worlds.servers import a_server
from whiteroom.base.callers import Role

CREATOR, RECEIVER = "343434340001", "343434340002"
_NUMBERS = itertools.count(3 * 10**6, 1000)


@pytest.fixture
def room(console: OpenConsole) -> Room:
    """A collaboration in which RECEIVER receives everything and has set no place for it."""
    server = a_server(console.store)
    server.ids = itertools.count(next(_NUMBERS))
    room = Room(server)
    receives = {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]}
    receiver = member(RECEIVER, "Receiver", memberAbilities=["CAN_RECEIVE_RESULTS"], mlMemberAbilities=receives)
    room.invite(CREATOR, **collaboration_request(members=[receiver]))
    room.join(CREATOR), room.join(RECEIVER)
    return room


def kept(console: OpenConsole, room: Room) -> tuple[Any, Any]:
    """RECEIVER's ML configuration, and where its results go."""
    membership_id = room.membership(RECEIVER)
    with console.store.reading() as tx:
        membership = tx.memberships.get(membership_id)
        assert membership is not None
        return tx.ml_configurations.get(membership_id), membership.default_result_configuration


def test_a_step_leads_to_the_form_that_does_it_and_is_gone_when_it_is_done(console: OpenConsole, room: Room) -> None:
    browser = console.browser()
    browser.sign_in(RECEIVER)
    path = f"/console/collaborations/{room.collaboration_id}"
    steps = text_of(browser.get(path).text)
    assert "To receive models and inferences, say where" in steps
    assert "To receive results of queries, say where" in steps
    assert browser.get(path).text.count(f'href="{path}/receiving"') == 2
    models = browser.press(f"{path}/receiving/models", role=role_of(RECEIVER), location="s3://here/models")
    results = browser.press(f"{path}/receiving/results", bucket="here", prefix="rows/", format="CSV")
    assert [models.status_code, results.status_code] == [303, 303]
    configuration, default = kept(console, room)
    assert configuration.destination == {"s3Destination": {"s3Uri": "s3://here/models"}}
    assert default == {"outputConfiguration": {"s3": {"resultFormat": "CSV", "bucket": "here", "keyPrefix": "rows/"}}}
    assert "say where" not in text_of(browser.get(path).text).lower()
    shown = browser.get(f"{path}/receiving").text
    assert all(f'value="{value}"' in shown for value in ("s3://here/models", "here", "rows/"))


def test_what_the_operation_refuses_is_said_in_its_words(console: OpenConsole, room: Room) -> None:
    browser = console.browser()
    browser.sign_in(RECEIVER)
    path = f"/console/collaborations/{room.collaboration_id}/receiving"
    other = browser.press(f"{path}/models", role=role_of(CREATOR), location="s3://here/models")
    assert other.status_code == 403
    assert "Pass a role of your own account." in text_of(other.text)
    for fields in ({"bucket": "x", "format": "CSV"}, {"bucket": "here", "format": "DOC"}, {}):
        assert browser.press(f"{path}/results", **fields).status_code == 400
    assert kept(console, room) == (None, None)


@pytest.mark.parametrize("role", [Role.ANALYST, Role.PRIVACY_OFFICER])
def test_a_role_that_may_not_set_it_sees_where_and_no_form(console: OpenConsole, room: Room, role: Role) -> None:
    browser = signed_in_as(console, RECEIVER, role)
    path = f"/console/collaborations/{room.collaboration_id}/receiving"
    page = browser.get(path).text
    assert "nowhere yet" in text_of(page)
    assert f'action="{path}' not in page
    assert browser.press(f"{path}/models", role=role_of(RECEIVER), location="s3://here/x").status_code == 403
    assert browser.press(f"{path}/results", bucket="here", format="CSV").status_code == 403
    assert kept(console, room) == (None, None)
