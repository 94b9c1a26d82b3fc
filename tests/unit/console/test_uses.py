"""What of a member's went where: its own analysis logs, whole, in order, and nobody else's."""

from __future__ import annotations

import itertools
import re
from datetime import timedelta

import pytest

from support.console import Browser, OpenConsole, signed_in_as, text_of
from support.hostile import HOSTILE, markup_of_others
from support.worlds.requests import EXPORTS, arn_of, collaboration_request, member
from support.worlds.rooms import Parts, Room
from support.worlds.servers import a_server
from whiteroom.base.arns import parse_arn
from whiteroom.base.callers import Role
from whiteroom.base.faults import Fault
from whiteroom.console.uses import ON_A_PAGE
from whiteroom.controllers.analysis_logs import log_end
from whiteroom.domain.resources.quotas import Quota

_NUMBERS = itertools.count(5 * 10**6, 2000)
LOGS = {"queryLogStatus": "ENABLED", "jobLogStatus": "ENABLED"}


def a_room(console: OpenConsole, logs: dict[str, str] = LOGS, of_owner: dict[str, str] = LOGS) -> Room:
    """BOB and DAN own a table each, CAROL the algorithm; ALICE queries. All have logs, BOB as it is said."""
    server = a_server(console.store)
    number = next(_NUMBERS)
    server.ids = itertools.count(number)
    alice, bob, carol, dan = (f"36{number:09d}{part}" for part in range(4))
    room = Room(server, parts=Parts(querier=alice, owner=bob, author=carol, receiver=carol))
    receives = {"customMLMemberAbilities": ["CAN_RECEIVE_MODEL_OUTPUT", "CAN_RECEIVE_INFERENCE_OUTPUT"]}
    members = [member(bob, "Bob"), member(carol, "Carol", mlMemberAbilities=receives), member(dan, "Dan")]
    room.invite(alice, **collaboration_request(members=members, **logs))
    for account in (alice, carol, dan):
        room.join(account, **logs)
    room.join(bob, **of_owner)
    room.table = room.shared_table(bob, "patients")
    room.shared_table(dan, "visits")
    room.algorithm_arn = room.algorithm()
    room.association_arn = room.association(policies=EXPORTS)
    room.configure(carol)
    return room


def dan_of(room: Room) -> str:
    """Who owns another table, which nothing reads."""
    return room.parts.owner[:-1] + "3"


def end(room: Room, kind: str, record_id: str) -> None:
    """Have a record's end written into logs, as its controller would."""
    with room.server.store.transaction() as tx:
        log_end(tx, getattr(tx, kind).get(record_id), room.server.now)
    room.server.now += timedelta(seconds=1)


def everything(room: Room) -> dict[str, str]:
    """One of each kind of analysis over BOB's table, all but the last at their end; and one that is refused."""
    channel = room.active_channel("rows")
    end(room, "ml_input_channels", parse_arn(channel).resource_id)
    model = room.active_model("trial", channel)
    model_id = parse_arn(model["trainedModelArn"]).resource_id
    end(room, "trained_models", model_id)
    job = room.inference_job("scores", model["trainedModelArn"], channel)
    room.export("away", model["trainedModelArn"])
    unknown = arn_of("configured-model-algorithm-association", room.membership(room.parts.author), room.parts.author)
    with pytest.raises(Fault):
        room.channel("too-much", association=unknown)
    return {"channel": channel, "model": model["trainedModelArn"], "job": job}


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
    room = a_room(console)
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
    room = a_room(console)
    everything(room)
    for account in (dan_of(room), room.parts.author, room.parts.querier):
        _, page = page_of(console, room, account)
        assert rows_of(page) == []
        assert "patients" not in text_of(page)


def test_a_page_shows_what_the_log_holds_each_event_once_however_it_is_leafed_through(console: OpenConsole) -> None:
    room = a_room(console)
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
    room = a_room(console)
    room.channel("rows")
    _, page = page_of(console, room, room.parts.owner, place)
    assert len(rows_of(page)) <= 1


def test_who_has_left_reads_its_log_and_who_never_was_in_it_does_not(console: OpenConsole) -> None:
    room = a_room(console)
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
    room = a_room(console, of_owner={"queryLogStatus": "DISABLED"})
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
    room = a_room(console, logs={"queryLogStatus": "DISABLED"}, of_owner={"queryLogStatus": "DISABLED"})
    browser, page = page_of(console, room, room.parts.owner)
    assert "The collaboration was made without that log (queryLogStatus), and nobody has one." in text_of(page)
    assert "<button>Write" not in page
    answer = browser.press(f"/console/collaborations/{room.collaboration_id}/uses/log", log="nothing")
    assert answer.status_code == 303


def test_whatever_a_log_quotes_is_text(console: OpenConsole) -> None:
    room = a_room(console)
    for number, text in enumerate(HOSTILE):
        literal = text.replace("'", "")
        room.channel(f"n{number}", sql=f"SELECT age, outcome FROM patients WHERE '{literal}' = '{literal}'")
    _, page = page_of(console, room, room.parts.owner)
    assert len(rows_of(page)) == len(HOSTILE)
    assert markup_of_others(page) == []
    for text in HOSTILE:
        assert " ".join(text.replace("'", "").split()) in text_of(page)


def test_a_long_text_is_cut_and_the_page_says_so(console: OpenConsole) -> None:
    room = a_room(console)
    many = " OR ".join(f"age = {number}" for number in range(2_000))
    room.channel("long", sql=f"SELECT age, outcome FROM patients WHERE {many}")
    _, page = page_of(console, room, room.parts.owner)
    assert "cut here; the log has all of it" in page
    assert len(page) < 20_000
