"""What a page that listens is told, on a server whose pauses the test fills."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import pytest

from support.console import Browser
from support.console_rooms import OpenRoom, open_room
from support.worlds.callers import CALLERS
from support.worlds.requests import REGION
from whiteroom.console.streams import IN_ALL, LOOKS, PER_ACCOUNT, PER_SESSION, Streams
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.resources.console_sessions import digest


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenRoom]:
    with open_room(tmp_path_factory.mktemp("streams") / "data") as opened:
        yield opened


class Pauses:
    """In the place of waiting: at the second that is named something happens."""

    def __init__(self, at: int = 0, happens: Callable[[], Any] = lambda: None) -> None:
        self.seconds: list[float] = []
        self._at, self._happens = at, happens

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)  # others of the loop go on, as they do in a second
        if len(self.seconds) == self._at:
            self._happens()


def a_browser(room: OpenRoom, pauses: Pauses, caller: str = "querier") -> tuple[Browser, Streams]:
    streams = Streams(pauses)
    browser = room.console.browser(region=REGION, streams=streams)
    browser.sign_in(CALLERS[caller])
    return browser, streams


def a_training(room: OpenRoom, name: str) -> str:
    return str(room.full.room.model(name, room.full.names["channel"])["trainedModelArn"])


def live_of(browser: Browser, address: str) -> str:
    found = re.search(r'data-live="([^"]*)"', browser.get(address).text)
    return unescape(found.group(1)) if found else ""


def test_a_page_is_told_when_the_status_is_another(room: OpenRoom) -> None:
    arn = a_training(room, "begins")
    pauses = Pauses(4, lambda: room.full.room.advance("trained_models", arn, Event.STARTED))
    browser, _ = a_browser(room, pauses)
    answer = browser.get(live_of(browser, room.url("models", arn)))
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert re.fullmatch(r"retry: 5000\n\nevent: changed\ndata: [0-9a-f]{16}\n\n", answer.text)
    assert pauses.seconds == [1.0] * 4


def test_a_page_is_told_of_a_new_line_of_a_log_that_it_may_read(room: OpenRoom) -> None:
    arn = a_training(room, "prints")
    room.full.room.advance("trained_models", arn, Event.STARTED, run_started_at=room.full.room.server.now)
    record_id = arn.rpartition("/")[2]
    room.measured(record_id, "loss", [1.0])
    room.printed(record_id, [b"first"])
    for caller, looks in (("receiver", 3), ("owner", LOOKS)):
        pauses = Pauses(3, lambda: room.printed(record_id, [b"second"]))
        browser, _ = a_browser(room, pauses, caller)
        text = browser.get(live_of(browser, room.url("models", arn))).text
        assert ("changed" in text) == (caller == "receiver")
        assert len(pauses.seconds) == looks


def test_what_changed_before_the_page_listens_is_told_too(room: OpenRoom) -> None:
    arn = a_training(room, "early")
    pauses = Pauses()
    browser, _ = a_browser(room, pauses)
    address = live_of(browser, room.url("models", arn))
    room.full.room.advance("trained_models", arn, Event.STARTED)
    assert "event: changed" in browser.get(address).text
    assert len(pauses.seconds) == 1


def test_what_is_over_is_listened_to_no_more(room: OpenRoom) -> None:
    browser, _ = a_browser(room, Pauses())
    for path in (("models", "@model"), ("channels", "@channel")):
        assert live_of(browser, room.url(*path)) == ""
    assert live_of(browser, room.url("queries", "@own_query")) != ""
    assert live_of(browser, room.url("inference-jobs", "@job")) != ""


def test_a_stream_ends_after_a_while_and_says_now_and_then_that_it_is_there(room: OpenRoom) -> None:
    pauses = Pauses()
    browser, streams = a_browser(room, pauses)
    text = browser.get(live_of(browser, room.url("queries", "@own_query"))).text
    assert len(pauses.seconds) == LOOKS
    assert text.count(": nothing new") == LOOKS // 15
    assert not streams.open


def test_a_stream_ends_with_its_session(room: OpenRoom) -> None:
    ended: list[int] = []

    def sign_out() -> None:
        with room.console.store.transaction() as tx:
            for session in tx.console_sessions.all(account_id=CALLERS["querier"]):
                tx.console_sessions.remove(session)
                ended.append(1)

    pauses = Pauses(3, sign_out)
    browser, streams = a_browser(room, pauses)
    assert "event: changed" in browser.get(live_of(browser, room.url("queries", "@own_query"))).text
    assert ended
    assert len(pauses.seconds) == 3
    assert not streams.open


def test_a_stream_ends_with_its_server(room: OpenRoom) -> None:
    pauses = Pauses()
    browser, streams = a_browser(room, pauses)
    address = live_of(browser, room.url("queries", "@own_query"))
    streams.end()
    assert browser.get(address).text == "retry: 5000\n\n"
    assert len(pauses.seconds) == 1


def test_a_session_has_so_many_streams_and_no_more(room: OpenRoom) -> None:
    browser, streams = a_browser(room, Pauses())
    address = live_of(browser, room.url("queries", "@own_query"))
    (cookie,) = browser.client.cookies.values()
    session = digest(cookie)
    streams.open[session] = PER_SESSION
    refused = browser.get(address)
    assert refused.status_code == 429
    assert streams.open[session] == PER_SESSION
    streams.open.clear()
    streams.open["others"] = 100
    assert browser.get(address).status_code == 429


def test_no_account_has_all_the_live_pages_that_there_may_be(room: OpenRoom) -> None:
    browser, streams = a_browser(room, Pauses())
    address = live_of(browser, room.url("queries", "@own_query"))
    streams.of_accounts[CALLERS["querier"]] = PER_ACCOUNT - 1
    assert browser.get(address).status_code == 200
    assert streams.of_accounts[CALLERS["querier"]] == PER_ACCOUNT - 1, "a stream that has ended is counted no longer"
    streams.of_accounts[CALLERS["querier"]] = PER_ACCOUNT
    assert browser.get(address).status_code == 429
    assert 2 * PER_ACCOUNT < IN_ALL
    assert PER_SESSION + 2 <= 6, "browsers have six connections to a server: with all in streams, no page is shown"


@pytest.mark.parametrize("path", ["models/@model", "channels/@channel", "inference-jobs/@job", "queries/@own_query"])
def test_nobody_listens_to_what_he_may_not_look_at(room: OpenRoom, path: str) -> None:
    for caller in ("outside", "owner", "left"):
        browser, _ = a_browser(room, Pauses(), caller)
        looked, listened = browser.get(room.url(*path.split("/"))), browser.get(room.url("live", *path.split("/")))
        assert (looked.status_code == 200) == (listened.status_code == 200), caller


def test_nothing_of_another_kind_is_followed(room: OpenRoom) -> None:
    browser, _ = a_browser(room, Pauses())
    assert browser.get(room.url("live", "accounts", "x")).status_code == 404


def test_listening_keeps_no_session_alive(room: OpenRoom) -> None:
    """What a page asks by itself is no use of the session."""
    browser, _ = a_browser(room, Pauses())
    with room.console.store.transaction() as tx:
        for session in tx.console_sessions.all(account_id=CALLERS["querier"]):
            tx.console_sessions.update(session, seen_at=session.seen_at - timedelta(minutes=20))
    before = seen_at(room)
    assert browser.get(room.url("live", "queries", "@own_query"), accept="text/event-stream").status_code == 200
    assert browser.get(room.url("queries"), **{"x-by-itself": "1"}).status_code == 200
    assert seen_at(room) == before
    browser.get(room.url("queries"))
    assert seen_at(room) != before


def seen_at(room: OpenRoom) -> list[Any]:
    with room.console.store.reading() as tx:
        return [session.seen_at for session in tx.console_sessions.all(account_id=CALLERS["querier"])]
