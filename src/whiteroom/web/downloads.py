"""Downloads of delivered files: how many at a time, on threads of their own.

A read takes a thread for as long as the disk takes, and sending takes none: a client that is slow keeps its own file
open, and nobody else waiting.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from whiteroom.base.faults import ResourceNotFound, Throttled
from whiteroom.domain.execution.deliveries import DeliveredFile
from whiteroom.ports.deliveries import DeliveredBytes, Deliveries, DeliveryGone

T = TypeVar("T")

logger = logging.getLogger(__name__)

READERS = 4
"""How many files are read at a time."""
PER_ACCOUNT = 16
"""How many downloads an account may have under way; no other account's are fewer for it."""
AT_ALL = 256
"""How many there may be of all accounts together: each holds a file open."""
A_MINUTE = 600
"""How many downloads an account may begin in a minute, parts of files among them: each leaves an event for good."""


class DeliveredDownloads:
    """Opens what was delivered, for as many at a time as may be. On one event loop."""

    def __init__(self, deliveries: Deliveries, seconds: Callable[[], float] = time.monotonic) -> None:
        """Hand out what `deliveries` have put anywhere; `seconds` is a clock."""
        self._deliveries = deliveries
        self._seconds = seconds
        self._minute = 0
        self._begun: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(READERS, "downloads")
        self._under_way: Counter[str] = Counter()

    async def fetch(
        self,
        account_id: str,
        name: str,
        described: Mapping[str, Any],
        start: int,
        length: int,
        begin: Callable[[], Awaitable[object]],
    ) -> OpenDownload:
        """Open a part of a file, then do `begin`, which says whether it still is what was delivered.

        In this order: what takes a delivery's place is written down before its files can be seen, so that a file that
        was open before `begin` looked is the one that `begin` lets pass.

        Args:
            account_id: whose download it is.
            name: of the file.
            described: what HeadResult answered about it.
            start: the first byte.
            length: how many.
            begin: raises where the file may not be had after all.

        Raises:
            Throttled: the account has as many downloads as it may, or all have.
            ResourceNotFound: the file is not there any more.
        """
        self._admit(account_id)
        try:
            opened = await self.on_thread(self._open, name, described, start, length)
        except BaseException:
            self._under_way[account_id] -= 1
            raise
        try:
            await begin()
        except BaseException:
            self.done(account_id, opened)
            raise
        return OpenDownload(self, account_id, opened)

    def done(self, account_id: str, opened: DeliveredBytes) -> None:
        """Close one."""
        self._under_way[account_id] -= 1
        try:
            self._threads.submit(opened.close)
        except RuntimeError:  # the server stops
            opened.close()

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _admit(self, account_id: str) -> None:
        if self._under_way[account_id] >= PER_ACCOUNT:
            raise Throttled(
                f"Account {account_id} has {PER_ACCOUNT} downloads under way, which is as many as it may. Wait until "
                "one has ended."
            )
        if self._under_way.total() >= AT_ALL:
            raise Throttled("The server has as many downloads under way as it may. Try again later.")
        minute = int(self._seconds() // 60)
        if minute != self._minute:
            self._minute = minute
            self._begun.clear()
        if self._begun[account_id] >= A_MINUTE:
            raise Throttled(
                f"Account {account_id} has begun {A_MINUTE} downloads in this minute, which is as many as it may. Ask "
                "for larger parts, or wait."
            )
        self._begun[account_id] += 1
        self._under_way[account_id] += 1

    def _open(self, name: str, described: Mapping[str, Any], start: int, length: int) -> DeliveredBytes:
        sha256 = base64.b64decode(described["checksumSHA256"]).hex()
        file = DeliveredFile(name, int(described["contentLength"]), sha256)
        try:
            place = str(described["location"]).removesuffix(f"/{name}")
            return self._deliveries.open_delivered(place, "", file, start, length)
        except DeliveryGone as error:
            logger.warning("%s was delivered, and cannot be fetched: %s", described["location"], error)
            raise ResourceNotFound(str(error)) from error

    def on_thread(self, call: Callable[..., T], *arguments: object) -> asyncio.Future[T]:
        """Have something done that the disk may hold up."""
        return asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


class OpenDownload:
    """Bytes that are being handed out."""

    def __init__(self, downloads: DeliveredDownloads, account_id: str, opened: DeliveredBytes) -> None:
        """Of `opened`, which is this object's to close."""
        self._downloads = downloads
        self._account_id = account_id
        self._opened: DeliveredBytes | None = opened

    async def read(self, limit_bytes: int) -> bytes:
        """The next bytes; none at the end.

        Raises:
            DeliveryGone: the file was cut short meanwhile.
        """
        assert self._opened is not None  # noqa: S101 - nobody reads what he has closed
        return await self._downloads.on_thread(self._opened.read, limit_bytes)

    async def close(self) -> None:
        """Let go of it; safe to repeat."""
        opened, self._opened = self._opened, None
        if opened is not None:
            self._downloads.done(self._account_id, opened)
