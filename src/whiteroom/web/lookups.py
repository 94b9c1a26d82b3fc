"""Looks tables up in the catalog for requests, on threads of its own, at most half of them for one account.

What is asked for may be in a member's own files or its own catalog, which take as long as the member likes: then its
other requests wait, and nobody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from weakref import WeakValueDictionary


class Lookups:
    """So many threads. On one event loop."""

    def __init__(self, threads: int) -> None:
        """Have so many threads, two or more."""
        self._threads = ThreadPoolExecutor(threads, "catalog")
        self._for_one = threads // 2
        self._places: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def run(self, account_id: str, look_up: Callable[[], object]) -> None:
        """Have something looked up for an account, as soon as it has a thread to spare."""
        places = self._places.setdefault(account_id, asyncio.Semaphore(self._for_one))
        await places.acquire()
        loop = asyncio.get_running_loop()

        def free(_: Future[object]) -> None:
            with suppress(RuntimeError):  # the server has stopped
                loop.call_soon_threadsafe(places.release)

        # A thread works on though its request may be gone: the place is free when the thread is.
        looked_up = self._threads.submit(look_up)
        looked_up.add_done_callback(free)
        await asyncio.wrap_future(looked_up)

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
