"""What of a member's went where: its own analysis logs, whole, in order, and nobody else's."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from support.console import Browser, OpenConsole, signed_in_as, text_of
from support.hostile import HOSTILE, markup_of_others
from support.worlds.owned import an_owned_room, dan_of, everything
from support.worlds.rooms import Room
from whiteroom.base.callers import Role
from whiteroom.console.uses import ON_A_PAGE
from whiteroom.domain.resources.quotas import Quota


def page_of(console: OpenConsole, room: Room, account: str, place: str = "") -> tuple[Browser, str]:
    browser = console.browser()
    browser.sign_in(account)
    answer = browser.get(f"/console/collaborations/{room.collaboration_id}/uses{place}")
    assert answer.status_code == 200, text_of(answer.text)
    return browser, answer.text


def rows_of(page: str) -> list[str]:
    """What each row says."""
    return [text_of(f"<main {row}") for row in re.findall(r"<tr>\n  <td>(.*?)</tr>", page, re.DOTALL)]


def test_everything_that_touched_a_table_is_there_newest_first_with_its_receiver(console: OpenConsole) -> None:
    room = an_owned_room(console.store)
    made = everything(room)
    _, page = page_of(console, room, room.parts.owner)
    rows = rows_of(page)
    kinds = [
        "export of a model asked for",
        "inference asked for",
        "training success",
        "training asked for",
        "ML input channel success",
        "ML input channel asked for",
    ]
    told = [next((kind for kind in kinds if kind in row), row) for row in rows]
    assert told[1:] == kinds
    assert "ML input channel refused" in rows[0]
    assert all(f"Alice ({room.parts.querier})" in row for row in rows)
    assert f"Carol ({room.parts.receiver})" in rows[told.index(kinds[0])]
    assert f"Carol ({room.parts.receiver})" in rows[told.index(kinds[1])]
    assert "patients was read: age and outcome" in rows[told.index(kinds[4])]
    for arn in made.values():
        assert arn in page
    assert room.sql in page


def test_nobody_reads_of_another_owners_table(console: OpenConsole) -> None:
    room = an_owned_room(console.store)
    everything(room)
    for account in (dan_of(room), room.parts.author, room.parts.querier):
        _, page = page_of(console, room, account)
        assert rows_of(page) == []
        assert "patients" not in text_of(page)


def test_a_page_shows_what_the_log_holds_each_event_once_however_it_is_leafed_through(console: OpenConsole) -> None:
    room = an_owned_room(console.store)
    room.server.set_quota(Quota.WORKING_TRAININGS_PER_MEMBERSHIP, 1_000)
    for number in range(ON_A_PAGE + 7):
        room.channel(f"many{number}")
        if number % 3 == 0:
            room.server.now -= timedelta(seconds=1)  # two events of one millisecond
    channel = room.active_channel("rows")
    for number in range(ON_A_PAGE):
        room.model(f"model{number}", channel)
        if number % 2 == 0:
            room.server.now -= timedelta(seconds=1)
    with console.store.reading() as tx:
        ids = [span.name for span in tx.analysis_logs.streams(room.parts.owner, room.collaboration_id)]
    assert sorted(ids) == ["jobs", "queries"]
    seen: list[str] = []
    place, pages = "", 0
    while True:
        _, page = page_of(console, room, room.parts.owner, place)
        seen += re.findall(r"<dt>(?:channel|model)</dt><dd>(\S+)</dd>", page)
        pages += 1
        found = re.search(r'href="[^"]*/uses(\?before=[0-9-]+)"', page)
        if found is None:
            break
        place = found.group(1)
    assert pages == 3
    assert len(seen) == len(set(seen)) == 2 * ON_A_PAGE + 8
    newest_first = re.findall(r"trained-model|ml-input-channel", " ".join(seen))
    assert newest_first == sorted(newest_first, reverse=True)


@pytest.mark.parametrize("place", ["?before=x", "?before=1-2-3", "?before=-1", "?before=999999999999999-9", "?before="])
def test_a_place_that_is_none_shows_a_page_all_the_same(console: OpenConsole, place: str) -> None:
    room = an_owned_room(console.store)
    room.channel("rows")
    _, page = page_of(console, room, room.parts.owner, place)
    assert len(rows_of(page)) <= 1


def test_who_has_left_reads_its_log_and_who_never_was_in_it_does_not(console: OpenConsole) -> None:
    room = an_owned_room(console.store)
    room.channel("rows")
    with console.store.transaction() as tx:
        membership = tx.memberships.get(room.membership(room.parts.owner))
        assert membership is not None
    for name in ("DeleteConfiguredTableAssociationAnalysisRule", "DeleteConfiguredTableAssociation"):
        rule = {"analysisRuleType": "CUSTOM"} if "Rule" in name else {}
        request = {"configuredTableAssociationIdentifier": room.table.association_id, **rule}
        room.server.cleanrooms(room.parts.owner, name, **room.of(room.parts.owner), **request)
    room.server.cleanrooms(room.parts.owner, "DeleteMembership", **room.of(room.parts.owner))
    _, page = page_of(console, room, room.parts.owner)
    assert "your log of it stays yours" in text_of(page)
    assert len(rows_of(page)) == 1
    stranger = console.browser()
    stranger.sign_in("363636360009")
    answer = stranger.get(f"/console/collaborations/{room.collaboration_id}/uses")
    assert answer.status_code == 403
    assert "patients" not in answer.text


def test_a_log_that_is_off_is_said_and_an_administrator_turns_it_on(console: OpenConsole) -> None:
    room = an_owned_room(console.store, of_owner={"queryLogStatus": "DISABLED"})
    path = f"/console/collaborations/{room.collaboration_id}/uses"
    room.channel("before")
    browser, page = page_of(console, room, room.parts.owner)
    assert "No log of queries and ML input channels is written for you" in text_of(page)
    for role in (Role.ANALYST, Role.PRIVACY_OFFICER):
        other = signed_in_as(console, room.parts.owner, role)
        assert f'action="{path}/log"' not in other.get(path).text
        assert other.press(f"{path}/log", log="queryLogStatus").status_code == 403
    assert browser.press(f"{path}/log", log="queryLogStatus").status_code == 303
    room.channel("after")
    page = browser.get(path).text
    assert "No log of queries" not in text_of(page)
    assert "No log of trainings, inference jobs and exports is written for you" in text_of(page)
    assert len(rows_of(page)) == 1


def test_a_log_that_the_collaboration_has_not_is_not_offered(console: OpenConsole) -> None:
    room = an_owned_room(console.store, logs={"queryLogStatus": "DISABLED"}, of_owner={"queryLogStatus": "DISABLED"})
    browser, page = page_of(console, room, room.parts.owner)
    assert "The collaboration was made without that log (queryLogStatus), and nobody has one." in text_of(page)
    assert "<button>Write" not in page
    answer = browser.press(f"/console/collaborations/{room.collaboration_id}/uses/log", log="nothing")
    assert answer.status_code == 303


@pytest.mark.parametrize("logs", [{"queryLogStatus": "DISABLED"}, {"queryLogStatus": "ENABLED"}])
def test_an_owner_without_a_log_is_shown_what_rests_on_its_own_tables_all_the_same(
    console: OpenConsole, logs: dict[str, str]
) -> None:
    room = an_owned_room(console.store, of_owner=logs)
    everything(room)
    _, page = page_of(console, room, room.parts.owner)
    text = text_of(page)
    assert "What rests on your tables now" in text
    for what in ("export away", "inference job scores", "trained model trial", "ML input channel rows"):
        assert what in text
    for account in (dan_of(room), room.parts.author, room.parts.querier):
        _, page = page_of(console, room, account)
        assert "trained model trial" not in text_of(page)


def test_whatever_a_log_quotes_is_text(console: OpenConsole) -> None:
    room = an_owned_room(console.store)
    for number, text in enumerate(HOSTILE):
        literal = text.replace("'", "")
        room.channel(f"n{number}", sql=f"SELECT age, outcome FROM patients WHERE '{literal}' = '{literal}'")
    _, page = page_of(console, room, room.parts.owner)
    assert len(rows_of(page)) == len(HOSTILE)
    assert markup_of_others(page) == []
    for text in HOSTILE:
        assert " ".join(text.replace("'", "").split()) in text_of(page)


def test_a_long_text_is_cut_and_the_page_says_so(console: OpenConsole) -> None:
    room = an_owned_room(console.store)
    many = " OR ".join(f"age = {number}" for number in range(2_000))
    room.channel("long", sql=f"SELECT age, outcome FROM patients WHERE {many}")
    _, page = page_of(console, room, room.parts.owner)
    assert "cut here; the log has all of it" in page
    assert len(page) < 20_000
