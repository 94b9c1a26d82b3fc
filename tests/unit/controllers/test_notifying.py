"""The threads that tell: they wake when something ends, outlive what fails, and stop whatever a receiver does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from support.notified import FakeSender, Told
from support.worlds.driven import World
from support.worlds.requests import ALICE
from whiteroom.controllers.notifying import SENDERS, NotificationThreads
from whiteroom.domain.observability.notifications import Notice, NotificationAddress


class Waited(FakeSender):
    """Says when it is asked, and may be held."""

    def __init__(self) -> None:
        super().__init__()
        self.came = threading.Condition()
        self.held: dict[str, threading.Event] = {}
        self.asked: list[str] = []
        self.breaks = False

    def send(self, address: NotificationAddress, notice: Notice, now: datetime) -> None:
        with self.came:
            self.asked.append(address.id)
            self.came.notify_all()
        if self.breaks:
            self.breaks = False
            raise RuntimeError("an error of ours")
        if address.id in self.held:
            self.held[address.id].wait(60)
        super().send(address, notice, now)
        with self.came:
            self.came.notify_all()

    def wait_for(self, seen: Callable[[], bool]) -> None:
        with self.came:
            assert self.came.wait_for(seen, 60)


@pytest.fixture
def sender() -> Waited:
    return Waited()


@pytest.fixture
def told(world: World, sender: Waited) -> Told:
    return Told(world, sender)


@pytest.fixture
def threads(told: Told) -> Iterator[NotificationThreads]:
    threads = NotificationThreads(told.notifications(), told.world.clock)
    told.world.store.on_work(threads.wake)
    threads.start()
    yield threads
    assert threads.stop(60)


def test_an_end_is_told_without_waiting_for_the_next_look(
    told: Told, sender: Waited, threads: NotificationThreads
) -> None:
    told.add(ALICE)
    told.world.ready_channel()
    sender.wait_for(lambda: len(sender.taken) == 1)


def test_a_receiver_that_hangs_holds_up_no_other_and_no_stop(
    told: Told, sender: Waited, threads: NotificationThreads
) -> None:
    sender.held["hanging"] = threading.Event()
    told.add(ALICE, "hanging")
    told.add(ALICE, "well")
    for _ in range(2):
        told.world.channel()
    told.world.drive()
    sender.wait_for(lambda: len(sender.taken) == 2)
    assert [notice.address_id for _, notice in sender.taken] == ["well", "well"]
    assert sender.asked.count("hanging") == 1
    assert not threads.stop(0.0)
    sender.held["hanging"].set()


def test_slow_receivers_come_after_the_others_however_much_waits_for_them(told: Told, sender: Waited) -> None:
    slow = [f"a{number}" for number in range(SENDERS)]
    sender.held = {name: threading.Event() for name in slow}
    for name in (*slow, "well"):
        told.add(ALICE, name)
    for _ in range(2):
        told.world.channel()
    told.world.drive()
    notifications = told.notifications()
    while notifications.spread():
        pass
    threads = NotificationThreads(notifications, told.world.clock)
    threads.start()
    sender.wait_for(lambda: len(sender.asked) == SENDERS)
    for held in sender.held.values():
        held.set()
    sender.wait_for(lambda: len(sender.taken) == 2 * (SENDERS + 1))
    assert threads.stop(60)
    assert sorted(sender.asked[:SENDERS]) == slow
    assert sender.asked[SENDERS] == "well"
    assert sender.asked.count("well") == 2


def test_an_error_of_ours_ends_no_thread(
    told: Told, sender: Waited, threads: NotificationThreads, caplog: pytest.LogCaptureFixture
) -> None:
    sender.breaks = True
    told.add(ALICE)
    told.world.ready_channel()
    sender.wait_for(lambda: len(sender.taken) == 1)
    assert threads.stop(60)  # what one thread has met is told by then
    assert "an error of ours" in caplog.text


def test_threads_that_never_started_stop_at_once(told: Told, tmp_path: Path) -> None:
    assert NotificationThreads(told.notifications(), told.world.clock).stop(0.0)
