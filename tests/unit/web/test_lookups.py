"""A member whose tables take long to look up holds up itself."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from whiteroom.web.lookups import Lookups

SLOW, OTHER = "111111111111", "222222222222"


def held(lookups: Lookups, threads: int, told: Callable[[], None]) -> tuple[list[asyncio.Task[None]], threading.Event]:
    """As many lookups of one account as there are threads, which wait until they are let go on."""
    release = threading.Event()

    def wait() -> None:
        told()
        release.wait()

    return [asyncio.ensure_future(lookups.run(SLOW, wait)) for _ in range(threads)], release


async def begun(count: int, started: threading.Semaphore) -> None:
    for _ in range(count):
        await asyncio.to_thread(started.acquire)


@pytest.mark.parametrize("cancelled", [False, True])
def test_an_account_takes_half_of_the_threads_and_anothers_lookup_is_answered(cancelled: bool) -> None:
    async def scene() -> None:
        lookups, started = Lookups(4), threading.Semaphore(0)
        waiting, release = held(lookups, 4, started.release)
        await begun(2, started)
        if cancelled:  # its threads still work: no third one is begun for it
            for task in waiting[:2]:
                task.cancel()
            await asyncio.gather(*waiting[:2], return_exceptions=True)
        await lookups.run(OTHER, lambda: None)
        assert not started.acquire(blocking=False)
        release.set()
        await asyncio.gather(*waiting[2:] if cancelled else waiting)
        await begun(2, started)
        lookups.close()

    asyncio.run(scene())


def test_what_a_lookup_raises_reaches_its_request_and_its_place_is_free() -> None:
    async def scene() -> None:
        lookups = Lookups(2)
        for _ in range(3):
            with pytest.raises(ValueError, match="broken"):
                await lookups.run(SLOW, lambda: int("broken"))
        lookups.close()

    asyncio.run(scene())
