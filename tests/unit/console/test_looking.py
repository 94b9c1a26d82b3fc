from __future__ import annotations

import asyncio
import threading

import pytest

from whiteroom.console.looking import Look


def test_a_look_is_on_a_thread_and_the_event_loop_goes_on_meanwhile() -> None:
    may_end = threading.Event()

    def look() -> str:
        assert may_end.wait(30)
        return threading.current_thread().name

    async def asked() -> None:
        seen = asyncio.create_task(Look(look, 60).now())
        await asyncio.sleep(0)
        # Were the loop held, nobody could let the look end.
        may_end.set()
        assert await seen != threading.main_thread().name

    asyncio.run(asked())


def test_what_was_seen_is_kept_for_a_while_and_all_who_wait_are_answered_with_one_look() -> None:
    seconds, looked = [0.0], []

    def look() -> int:
        looked.append(seconds[0])
        return len(looked)

    async def asked() -> None:
        one = Look(look, 60, lambda: seconds[0])
        assert await asyncio.gather(*(one.now() for _ in range(5))) == [1] * 5
        seconds[0] = 59.9
        assert await one.now() == 1
        seconds[0] = 60.0
        assert await one.now() == 2

    asyncio.run(asked())


def test_a_look_that_failed_is_told_and_not_kept() -> None:
    failures = [OSError("first")]

    def look() -> str:
        if failures:
            raise failures.pop()
        return "seen"

    async def asked() -> None:
        one = Look(look, 60)
        with pytest.raises(OSError, match="first"):
            await one.now()
        assert await one.now() == "seen"

    asyncio.run(asked())


def test_whoever_leaves_takes_the_look_from_nobody_else() -> None:
    may_end = threading.Event()

    def look() -> str:
        assert may_end.wait(30)
        return "seen"

    async def asked() -> None:
        one = Look(look, 60)
        leaving, staying = asyncio.create_task(one.now()), asyncio.create_task(one.now())
        await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        may_end.set()
        assert await staying == "seen"

    asyncio.run(asked())
