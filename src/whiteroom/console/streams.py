"""Server-sent events: a page is told that what it shows has changed, and asks for itself again.

A stream looks once a second, each time anew, with its session as it is then; it holds no transaction in between. It
ends with its session, with its browser, when there is nothing more to tell, and after a while in any case: browsers
ask again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import Response, StreamingResponse

from whiteroom.console.visitors import NotSignedIn, Visitor, visitor_now
from whiteroom.wire.inside import Refused

PER_SESSION, PER_ACCOUNT, IN_ALL = 4, 30, 100
"""Streams that go on. A browser has six connections to a server, and needs some for pages; and no account has all
streams, however often its users sign in.
"""
LOOKS = 300
"""Of one stream."""
SILENCE = 15
"""Looks after which something is said all the same, so that what is between knows of the connection."""

Sight = tuple[str, bool]
"""What a page would show, as a digest, and whether that may still change."""
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass
class Streams:
    """All streams of one console. On one event loop."""

    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    open: Counter[str] = field(default_factory=Counter)
    """How many each session has."""
    of_accounts: Counter[str] = field(default_factory=Counter)
    """How many the sessions of each account have."""
    is_ending: bool = False

    def end(self) -> None:
        """The server stops: each ends at its next look."""
        self.is_ending = True

    def stream(self, visitor: Visitor, seen: str, look: Callable[[Visitor], Awaitable[Sight]]) -> Response:
        """The events of one page, which shows what had the digest `seen`.

        Args:
            visitor: whose page it is.
            seen: what the page shows.
            look: what it would show now.
        """
        session, account = visitor.session.id, visitor.account_id
        is_full = self.open.total() >= IN_ALL or self.of_accounts[account] >= PER_ACCOUNT
        if is_full or self.open[session] >= PER_SESSION:
            return Response("There are as many live pages as there may be. Reload this one to see what is new.\n", 429)
        self.open[session] += 1
        self.of_accounts[account] += 1
        return _Stream(self._events(visitor, seen, look), lambda: self._closed(session, account))

    def _closed(self, session: str, account: str) -> None:
        for count, name in ((self.open, session), (self.of_accounts, account)):
            count[name] -= 1
            if not count[name]:
                del count[name]

    async def _events(
        self, visitor: Visitor, seen: str, look: Callable[[Visitor], Awaitable[Sight]]
    ) -> AsyncIterator[str]:
        yield "retry: 5000\n\n"
        for number in range(LOOKS):
            # Before the first look too: whoever asks again and again has no more than one in a second.
            await self.pause(1.0)
            if self.is_ending:
                return
            try:
                digest, may_change = await look(await visitor_now(visitor))
            except (NotSignedIn, Refused):
                yield "event: changed\ndata:\n\n"
                return
            if digest != seen:
                yield f"event: changed\ndata: {digest}\n\n"
                return
            if not may_change:
                yield "event: over\ndata:\n\n"
                return
            if number % SILENCE == SILENCE - 1:
                yield ": nothing new\n\n"


class _Stream(StreamingResponse):
    """Says when it has ended, however that was."""

    def __init__(self, events: AsyncIterator[str], closed: Callable[[], None]) -> None:
        # `x-accel-buffering`: nginx passes each event on as it comes.
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        super().__init__(events, media_type="text/event-stream", headers=headers)
        self._closed = closed

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._closed()
