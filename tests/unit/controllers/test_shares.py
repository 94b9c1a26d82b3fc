"""What one account has wait, and what of others goes on meanwhile."""

from __future__ import annotations

from queue import Queue
from threading import Event, Thread
from typing import Any

import pytest

from support.worlds.driven import World
from whiteroom.controllers.shares import NoPlace, Shares
from whiteroom.domain.resources.protected_queries import ProtectedQueryStatus
from whiteroom.ports.store import Work


def test_an_account_has_its_places_and_takes_none_of_anothers() -> None:
    shares = Shares(2, patience_seconds=0)
    with shares.place("a"), shares.place("b"):
        with shares.place("a"), pytest.raises(NoPlace), shares.place("a"):
            pass
        with shares.place("a"):
            pass


def test_a_catalog_that_does_not_answer_holds_up_its_owners_queries_and_leaves_other_work_its_threads(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, ended, answers = Queue[str](), Queue[int](), Event()
    answer = world.catalog.resolve

    def resolve(account_id: str, *names: str, **said: Any) -> Any:
        asked.put(account_id)
        answers.wait()
        return answer(account_id, *names, **said)

    monkeypatch.setattr(world.catalog, "resolve", resolve)
    queries = [world.query() for _ in range(5)]
    reconciler = world.reconciler()

    def work(number: int) -> None:
        while reconciler.step(f"worker-{number}"):
            pass
        ended.put(number)

    threads = [Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            ended.get(timeout=60)
        assert (asked.qsize(), ended.qsize()) == (2, 0)
    finally:
        answers.set()
        for thread in threads:
            thread.join()
    world.drive()
    assert {world.get(Work.PROTECTED_QUERIES, query.id).status for query in queries} == {ProtectedQueryStatus.SUCCESS}
