"""A member's way through the console by clicks: invited, in, asked where it receives, taken back, left."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from support.chromium import Visit, a_visit, chromium
from support.command import whiteroom
from support.server import RunningServer, running_server
from support.worlds.requests import COLUMNS, collaboration_request, member
from support.worlds.rooms import AnyRoom

pytestmark = [pytest.mark.services, pytest.mark.slow]

ALICE, BOB = "111111111111", "222222222222"
TRAININGS = {"queryCompute": {"isResponsible": False}, "machineLearning": {"modelTraining": {"isResponsible": True}}}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("console") / "data") as server:
        yield server


def invited(server: RunningServer) -> AnyRoom:
    """BOB is invited, to pay for trainings and to receive models."""
    receives = {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT"]}
    bob = member(BOB, "Bob", paymentConfiguration=TRAININGS, mlMemberAbilities=receives)
    room = AnyRoom(server)
    pays = {"creatorPaymentConfiguration": {"queryCompute": {"isResponsible": True}}}
    room.invite(ALICE, **collaboration_request(members=[bob], queryLogStatus="ENABLED", **pays))
    room.join(ALICE)
    return room


def add_table(server: RunningServer, folder: Path, name: str) -> None:
    """A table of BOB's in the operator's catalog."""
    file = folder / f"{name}.csv"
    file.write_text(f"{','.join(COLUMNS)}\n1,2,3,4\n")
    whiteroom("catalog", "add", "--account", BOB, f"lake.{name}", str(file), "--data", str(server.data))


def follow(visit: Visit, link: str, heading: str) -> None:
    """Click, and be there; the page is one that everybody can read."""
    visit.page.get_by_role("link", name=link).first.click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text(heading)
    assert visit.faults() == []


def confirm(visit: Visit, button: str) -> None:
    """Tick that it was read, which the browser wants before it sends the form."""
    visit.page.get_by_role("button", name=button).click()
    assert visit.page.locator("input:invalid").count() == 1
    visit.page.get_by_label("I have read what will end").check()
    visit.page.get_by_role("button", name=button).click()


@pytest.mark.parametrize("script", [True, False], ids=["with scripts", "without"])
def test_a_member_comes_and_goes_by_clicks(server: RunningServer, tmp_path: Path, script: bool) -> None:
    room = invited(server)
    with chromium() as browser, a_visit(browser, server.url, java_script_enabled=script) as visit:
        page = visit.page
        if not script:
            visit.faults = list  # type: ignore[method-assign]  # axe is a script
        visit.sign_in(BOB)
        follow(visit, "Look at the invitation", "Join Trial?")
        page.get_by_role("button", name="Join").click()
        assert page.locator("input:invalid").count() == 1
        page.get_by_label("I accept that we pay for trainings").check()
        page.get_by_role("button", name="Join").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Trial")
        expect(page.get_by_text("May receive trained models, and pays for trainings.")).to_be_visible()

        follow(visit, "Say where", "Where you receive in Trial")
        page.get_by_label("S3 location").fill("s3://here/models")
        page.get_by_role("button", name="Save").first.click()
        expect(page.get_by_role("link", name="Say where")).to_have_count(0)

        table = f"patients{int(script)}"
        add_table(server, tmp_path, table)
        memberships = server.cleanrooms(BOB, "ListMemberships")["membershipSummaries"]
        (room.memberships[BOB],) = (one["id"] for one in memberships if one["collaborationId"] == room.collaboration_id)
        room.shared_table(BOB, table)
        page.reload()
        expect(page.get_by_role("img", name="Which tables lead where")).to_be_visible()

        follow(visit, "What of yours went where", "What of yours went where")
        expect(page.get_by_text("Nothing yet.")).to_be_visible()
        follow(visit, "Back to Trial", "Trial")
        follow(visit, "Take back or leave", "Take back what you share")
        follow(visit, "Its rule: pause all use", f"Take back the rule of {table}?")
        confirm(visit, f"Take back the rule of {table}")
        expect(page.get_by_text("none: nothing reads it")).to_be_visible()
        follow(visit, "The table: end all use for good", f"Take away {table}?")
        confirm(visit, f"Take away {table}")
        expect(page.get_by_text("You share no table here.")).to_be_visible()
        follow(visit, "Leave the collaboration for good", "Leave Trial for good?")
        confirm(visit, "Leave Trial")
        expect(page.get_by_role("heading", name="Earlier ones")).to_be_visible()
        follow(visit, "what of yours went where", "What of yours went where")
        assert visit.complaints == []
        assert visit.elsewhere == []
    members = server.cleanrooms(ALICE, "ListMembers", **room.here)["memberSummaries"]
    assert {one["accountId"]: one["status"] for one in members} == {ALICE: "ACTIVE", BOB: "LEFT"}
