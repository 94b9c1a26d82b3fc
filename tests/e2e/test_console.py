"""The console in a real browser: every page that each kind of member finds is looked at, as different people look."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Route, expect

from support.chromium import DESK, PHONE, Visit, a_visit, chromium
from support.command import whiteroom
from support.server import RunningServer, running_server
from support.worlds.callers import CALLERS, a_room_of_callers
from whiteroom.sealed_store import open_store
from whiteroom.settings import Settings

pytestmark = [pytest.mark.services, pytest.mark.slow]

HOSTILE = "<img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}'\"><svg/onload=alert(3)>"
MEMBERS = ("querier", "owner", "author", "receiver", "creator", "invited", "left")
OF_ONE_KIND = 2
"""So many pages are opened whose addresses differ in what they name alone."""
NAMED = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d{12}|arn[^/]*|=[^&]*")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with a room in which every part is played, as its members have left it."""
    data = tmp_path_factory.mktemp("console") / "data"
    with running_server(data):
        """It makes its keys, before there is anything that they protect."""
    settings = Settings(data=data, dev=True)
    store = open_store(settings)
    settings.folder("logs").mkdir(exist_ok=True)
    a_room_of_callers(store, settings.folder("logs"))
    store.close()
    with running_server(data) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


def pages_from(visit: Visit, start: str) -> Iterator[str]:
    """Every page that links lead to, each opened once."""
    waiting, seen = [start], {start}
    opened: Counter[str] = Counter()
    while waiting:
        path = waiting.pop(0)
        kind = NAMED.sub("*", path)
        opened[kind] += 1
        if opened[kind] > OF_ONE_KIND:
            continue
        answer = visit.page.goto(visit.url + path)
        assert answer is not None
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        assert answer.status < 400, path
        yield path
        for link in visit.page.locator("a[href]").all():
            parts = urlsplit(link.get_attribute("href") or "")
            found = parts.path + (f"?{parts.query}" if parts.query else "")
            is_download = link.get_attribute("download") is not None
            if found.startswith("/console") and found not in seen and not is_download:
                seen.add(found)
                waiting.append(found)


@pytest.mark.parametrize("caller", MEMBERS)
def test_every_page_of_every_member_reads_well_for_everybody(
    server: RunningServer, browser: Browser, caller: str
) -> None:
    with a_visit(browser, server.url) as visit:
        visit.sign_in(CALLERS[caller])
        looked_at = 0
        for path in pages_from(visit, "/console"):
            looked_at += 1
            for scheme in ("light", "dark"):
                visit.page.emulate_media(color_scheme=scheme)
                assert visit.faults() == [], f"{path}, {scheme}"
            visit.page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a mapping of these two
            assert not visit.is_wider_than_the_window(), path
            visit.page.set_viewport_size(DESK)  # type: ignore[arg-type]
        assert looked_at >= 2
        assert visit.complaints == []
        assert visit.elsewhere == []


def test_the_operators_pages_read_well_and_are_reached_by_a_link_alone(server: RunningServer, browser: Browser) -> None:
    assert whiteroom("accounts", "add", "161616161616", "--name", HOSTILE, "--data", str(server.data)).code == 0
    link = whiteroom("console", "link", "--operator", "--json", "--data", str(server.data)).json["url"]
    with a_visit(browser, server.url) as visit:
        visit.page.goto(link)
        visit.page.get_by_role("button", name="Sign out").wait_for()
        assert "#" not in visit.page.url
        looked_at = []
        for path in pages_from(visit, "/console/operator/accounts/161616161616"):
            looked_at.append(path)
            for scheme in ("light", "dark"):
                visit.page.emulate_media(color_scheme=scheme)
                assert visit.faults() == [], f"{path}, {scheme}"
            visit.page.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a mapping of these two
            assert not visit.is_wider_than_the_window(), path
            visit.page.set_viewport_size(DESK)  # type: ignore[arg-type]
        assert {"/console", "/console/operator/accounts/161616161616/disable"} <= set(looked_at)
        assert visit.complaints == []
        assert visit.elsewhere == []
        again = visit.context.new_page()
        visit.page.get_by_role("button", name="Sign out").click()
        again.goto(link)
        again.get_by_role("alert").wait_for()
        assert "used already" in again.get_by_role("alert").inner_text()


def test_the_operator_stops_a_collaborations_work_by_clicks_and_lets_it_go_on(
    server: RunningServer, browser: Browser
) -> None:
    link = whiteroom("console", "link", "--operator", "--json", "--data", str(server.data)).json["url"]
    with a_visit(browser, server.url, java_script_enabled=False) as visit:
        visit.page.goto(link.partition("#")[0])
        visit.page.get_by_label("What follows the # in the link").fill(link.partition("#")[2])
        visit.page.get_by_role("button", name="Sign in").click()
        visit.page.get_by_role("link", name="Collaborations").click()
        visit.page.get_by_role("link", name="Market").click()
        visit.page.get_by_role("link", name="Stop all work").click()
        visit.page.get_by_role("button", name="Stop all work").click()
        visit.page.get_by_text("All work is stopped since").wait_for()
        visit.page.get_by_role("link", name="Let it go on").click()
        visit.page.get_by_role("button", name="Let it go on").click()
        visit.page.get_by_text("Work may be done.").wait_for()
        visit.page.get_by_role("link", name="Sign-ins").click()
        visit.page.get_by_text("Work resumed", exact=False).first.wait_for()


def test_the_way_in_reads_well_and_says_what_was_wrong(server: RunningServer, browser: Browser) -> None:
    for scheme, size in (("light", DESK), ("dark", PHONE)):
        with a_visit(browser, server.url, scheme, size) as visit:
            visit.page.goto(server.url)
            assert visit.page.url == f"{server.url}/console"
            assert visit.faults() == []
            visit.page.get_by_label("Access key ID").fill("WRKAUNKNOWN")
            visit.page.get_by_label("Secret access key").fill("wrong")
            visit.page.get_by_role("button", name="Sign in").click()
            assert "There is no such access key" in visit.page.get_by_role("alert").inner_text()
            assert visit.faults() == []


def test_names_that_are_markup_are_read_as_they_are(server: RunningServer, browser: Browser) -> None:
    account = "151515151515"
    made = server.client("cleanrooms", account).create_collaboration(
        name=HOSTILE[:100], description=HOSTILE, creatorDisplayName=HOSTILE[:100], members=[],
        creatorMemberAbilities=["CAN_QUERY"], queryLogStatus="DISABLED",
    )["collaboration"]["id"]  # fmt: skip
    with a_visit(browser, server.url) as visit:
        visit.sign_in(account)
        visit.page.goto(f"{server.url}/console/collaborations/{made}")
        assert visit.page.get_by_role("heading", level=1).inner_text() == HOSTILE[:100]
        for path in pages_from(visit, "/console"):
            assert "49" not in visit.page.get_by_role("heading", level=1).inner_text(), path
        assert visit.complaints == []


def test_a_page_works_without_javascript(server: RunningServer, browser: Browser) -> None:
    with a_visit(browser, server.url, java_script_enabled=False) as visit:
        visit.sign_in(CALLERS["querier"])
        visit.page.get_by_role("link", name="Market").first.click()
        assert visit.page.get_by_role("heading", level=1).inner_text() == "Market"
        visit.page.get_by_role("button", name="Sign out").click()
        visit.page.get_by_label("Access key ID").wait_for()


def test_a_keyboard_is_enough_to_sign_in_and_to_come_to_the_content(server: RunningServer, browser: Browser) -> None:
    with a_visit(browser, server.url) as visit:
        visit.page.goto(f"{server.url}/console/sign-in")
        visit.page.keyboard.press("Tab")
        assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the content"
        visit.page.get_by_label("Access key ID").focus()
        visit.page.keyboard.type(CALLERS["querier"])
        visit.page.keyboard.press("Enter")
        visit.page.get_by_role("button", name="Sign out").wait_for()


def test_the_first_page_is_small(server: RunningServer, browser: Browser) -> None:
    with a_visit(browser, server.url) as visit:
        sizes: list[int] = []
        visit.page.on("response", lambda answer: sizes.append(len(answer.body())) if answer.ok else None)
        visit.sign_in(CALLERS["querier"])
        visit.page.wait_for_load_state("networkidle")
        assert 0 < sum(sizes) < 300_000


def test_what_another_site_sends_does_nothing(server: RunningServer, browser: Browser, tmp_path: Path) -> None:
    """A page elsewhere that posts a form to this server, in the browser of somebody who is signed in."""
    with a_visit(browser, server.url) as visit:
        visit.sign_in(CALLERS["querier"])
        address = f"{server.url}/console/sign-out"
        (tmp_path / "evil.html").write_text(f"<form method=post action='{address}'><button>win</button></form>")
        visit.page.goto((tmp_path / "evil.html").as_uri())
        visit.page.get_by_role("button", name="win").click()
        # The browser sends no cookie along, and the server would not take the form with one.
        visit.page.get_by_role("heading", name="Sign in").wait_for()
        visit.page.goto(f"{server.url}/console")
        visit.page.get_by_role("button", name="Sign out").wait_for()


def test_a_page_of_what_goes_on_takes_over_what_is_new_and_leaves_what_is_in_use(
    server: RunningServer, browser: Browser
) -> None:
    with a_visit(browser, server.url) as visit:
        visit.sign_in(CALLERS["querier"])
        for name in ("Market", "Models", "second"):
            visit.page.get_by_role("link", name=name, exact=True).first.click()
        address, asked_again = visit.page.url, [""]

        def as_it_was(route: Route) -> None:
            """The first time it goes on, and is called otherwise."""
            answer = route.fetch()
            if "x-by-itself" in route.request.headers:
                asked_again.append(address)
                route.fulfill(response=answer)
                return
            old = '<a href="" data-live="/console/told">Refresh</a><h1>Old '
            route.fulfill(response=answer, body=answer.text().replace("<h1>", old, 1))

        told = "event: changed\ndata: x\n\n"
        visit.page.route(address, as_it_was)
        visit.page.route("**/console/told", lambda route: route.fulfill(content_type="text/event-stream", body=told))
        visit.page.goto(address)
        heading = visit.page.get_by_role("heading", level=1)
        expect(heading).to_have_text("second")
        assert len(asked_again) == 2
        visit.page.unroute("**/console/told")
        visit.page.route("**/console/told", lambda route: route.abort())
        visit.page.goto(address)
        expect(heading).to_have_text("Old second")
        box = visit.page.get_by_role("checkbox").first
        box.check()
        visit.page.evaluate("renew()")
        assert len(asked_again) == 2
        box.uncheck()
        visit.page.get_by_role("heading", level=2).first.click()  # out of the box
        expect(heading).to_have_text("second")
