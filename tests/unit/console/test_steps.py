"""What a member is told to do next: its own, of what it may see, and never later than a bound."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.console import OpenConsole, open_console, text_of
from support.worlds.callers import CALLERS
from support.worlds.everything import FullRoom
from support.worlds.requests import ALICE, BOB, CAROL, DAVE
from support.worlds.rooms import Room, a_clean_room
from support.worlds.servers import a_server
from whiteroom.answering import LOOKUPS, MemberAdvice
from whiteroom.domain.observability.next_actions import Advice
from whiteroom.reads.advice import recorded_for


def advised(console: OpenConsole, account_id: str, collaboration_id: str) -> MemberAdvice:
    async def ask() -> MemberAdvice:
        return await console.whiteroom.inside().advise(account_id, collaboration_id)

    return console.runner.run(ask())


@pytest.mark.parametrize("caller", CALLERS)
def test_each_is_told_its_own_steps_and_of_what_it_may_not_see_none(
    console: OpenConsole, callers: FullRoom, caller: str
) -> None:
    account = CALLERS[caller]
    told = [action.text for action in advised(console, account, callers.room.collaboration_id).actions]
    with console.store.reading() as tx:
        recorded = recorded_for(tx, account, callers.room.collaboration_id)
        assert (recorded is None) == (caller in {"left", "outside"})
        everybodys: tuple[Advice, ...] = ()
        if recorded is not None:
            everybodys = recorded.advice(console.whiteroom._catalog, console.whiteroom._clock())
    own = [action.text for each in everybodys if each.account_id == account for action in each.actions]
    assert told == own


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[OpenConsole, Room, threading.Event]]:
    """A server whose catalog answers when it is let."""
    let = threading.Event()
    monkeypatch.setattr("whiteroom.answering.ADVICE_SECONDS", 0.01)
    with open_console(tmp_path / "data") as console:
        server = a_server(console.store)
        server.ids = itertools.count(1)
        room = a_clean_room(server)
        room.shared_table(BOB, "patients")
        catalog = console.whiteroom._catalog
        resolve = catalog.resolve

        def wait(*args: object, **named: object) -> object:
            let.wait()
            return resolve(*args, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(type(catalog), "resolve", lambda self, *args, **named: wait(*args, **named))
        yield console, room, let
        let.set()


def test_a_catalog_that_does_not_answer_keeps_no_page_waiting(
    slow: tuple[OpenConsole, Room, threading.Event],
) -> None:
    console, room, let = slow
    browser = console.browser()
    browser.sign_in(ALICE)
    shown = text_of(browser.get(f"/console/collaborations/{room.collaboration_id}").text)
    assert "The catalog has not answered in time" in shown
    assert "Tables 'patients' are ready for an algorithm" in shown
    for account in (ALICE, BOB, CAROL):
        assert not advised(console, account, room.collaboration_id).is_checked
    assert advised(console, DAVE, room.collaboration_id) == MemberAdvice((), is_checked=True)
    let.set()


def test_looking_at_a_page_with_anothers_slow_table_keeps_no_operation_of_its_readers_waiting(
    slow: tuple[OpenConsole, Room, threading.Event],
) -> None:
    console, room, _ = slow
    for _ in range(LOOKUPS + 1):
        assert not advised(console, ALICE, room.collaboration_id).is_checked
    lookups = console.whiteroom._answering._lookups
    console.runner.run(asyncio.wait_for(lookups.run(ALICE, lambda: None), 30))
