"""Connections: how many there may be at a time, and how long one may keep the server waiting.

Uvicorn ends a connection that is silent after an answer (`timeout_keep_alive`), and no other: not one that never sends
a byte, sends a byte a minute, or never reads what it asked for. None of them is given a task or a thread; they cost
memory and descriptors, of which the others need some too.
"""

from __future__ import annotations

import asyncio
import fcntl
import sys
import termios
from typing import Any, Protocol

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LOOK_SECONDS = 1.0
"""How often it is looked for those that are overdue; each has so much longer at most."""


MAX_HEAD_BYTES = 64 * 1024
"""Of the request line and the headers together: many times what any signed request has."""

MAX_HEADERS = 100
"""In one request; clients of AWS send a dozen."""


MAX_AHEAD = 16
"""Requests that one connection may have waiting behind the one that is answered; no client of AWS has any."""


MAX_ENDING = 32
"""How many more there may be that are closing, and wait for their clients to take what is left."""

QUIET_LOOKS = 2
"""At how many looks in a row nothing of a closing connection is on its way before it is over, though its client has not
said so, as TLS waits for (`close_notify`): few clients do."""


class Held(Protocol):
    """What counts as a connection, from the moment it is accepted."""

    since: float
    """The beginning of what it waits for, by the loop's clock."""

    @property
    def answering(self) -> bool:
        """Whether it waits for the server, and not for its client."""

    @property
    def ending(self) -> bool:
        """Whether it is closing already."""

    def drop(self) -> None:
        """End it at once, whatever of an answer is still on its way."""

    def look(self, now: float, request_seconds: float) -> None:
        """End it where its client has kept the server waiting too long."""

    def refuse(self) -> None:
        """End it: there are too many."""


class Connections:
    """Every connection of one server.

    Args:
        limit: the most that there may be. Beyond it the one that has waited for a request longest is ended; where all
            are being answered, the new one is. Of those that are closing, some more may be there.
        request_seconds: how long a client has to send a request, from its first byte or the connection's beginning to
            its last byte; and to take an answer.
    """

    def __init__(self, limit: int, request_seconds: float) -> None:
        self._limit = limit
        self._request_seconds = request_seconds
        self._open: set[Held] = set()
        self._next_look: asyncio.TimerHandle | None = None

    def add(self, connection: Held, loop: asyncio.AbstractEventLoop) -> None:
        """Take in a new one, and make room for it."""
        self._open.add(connection)
        if len(self._open) > self._limit:
            self._make_room(connection)
        if self._next_look is None:
            self._next_look = loop.call_later(LOOK_SECONDS, self._look, loop)

    def _make_room(self, new: Held) -> None:
        ending = sorted((one for one in self._open if one.ending), key=_since)
        for one in ending[: max(0, len(ending) - MAX_ENDING)]:
            one.drop()
            self._open.discard(one)
        staying = self._open.difference(ending)
        if len(staying) > self._limit:
            min((one for one in staying if not one.answering), key=_since, default=new).refuse()

    def replace(self, handshake: Held, connection: Held) -> None:
        """It is one and the same."""
        self._open.discard(handshake)
        self._open.add(connection)

    def remove(self, connection: Held) -> None:
        """It has ended."""
        self._open.discard(connection)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for connection in tuple(self._open):
            connection.look(now, self._request_seconds)
        self._next_look = loop.call_later(LOOK_SECONDS, self._look, loop) if self._open else None


def _since(one: Held) -> float:
    return one.since


class Connection(HttpToolsProtocol):
    """One connection, which knows since when it waits for its client.

    Args:
        connections: where it counts.
        handshake: of TLS, which it came out of and takes the place of.
        **uvicorns: what uvicorn gives to a connection.
    """

    def __init__(self, connections: Connections, handshake: Held | None = None, **uvicorns: Any) -> None:
        super().__init__(**uvicorns)
        self._all = connections
        self._handshake = handshake
        self.since = self.loop.time() if handshake is None else handshake.since
        """The beginning of the connection, of the request that is being received, or of the wait for the next one."""
        self._receiving = self._in_head = self._refused = False
        self._head_bytes = self._received_bytes = 0
        self._unread_since: float | None = None
        """When the client was last seen to take something of an answer that it has not taken whole."""
        self._unread_bytes = 0
        self._quiet_looks = 0

    @property
    def answering(self) -> bool:
        """Whether a request is there whole, and its answer is not."""
        return not self._receiving and self.cycle is not None and not self.cycle.response_complete

    @property
    def ending(self) -> bool:
        """Whether it is closing already."""
        return bool(self.transport.is_closing())

    def drop(self) -> None:
        """End it at once, whatever of an answer is still on its way."""
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        if self._handshake is None:
            self._all.add(self, self.loop)
        else:
            self._all.replace(self._handshake, self)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._all.remove(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._refused:
            return
        super().data_received(data)
        if self._in_head:  # the parser reports nothing of a header that has not ended
            self._received_bytes += len(data)
            self._refused = self._refused or self._received_bytes > MAX_HEAD_BYTES
        if self._refused and not self.transport.is_closing():
            self._end(
                431,
                "RequestHeaderFieldsTooLarge",
                f"A request has at most {MAX_HEADERS} headers, and {MAX_HEAD_BYTES} bytes of them and its address.",
            )

    def on_message_begin(self) -> None:
        """The first byte of a request (httptools)."""
        if self._refused:
            return
        self._receiving = self._in_head = True
        self._head_bytes = self._received_bytes = 0
        self.since = self.loop.time()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of its address (httptools)."""
        self._take(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header (httptools); after the body, one of its trailers, which nobody has signed or asked for."""
        self._take(len(name) + len(value) + len(": \r\n"))
        self._refused = self._refused or len(self.headers) >= MAX_HEADERS
        if self._in_head and not self._refused:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The last byte of its headers (httptools)."""
        if self._refused:
            return
        self._in_head = False
        super().on_headers_complete()
        if len(self.pipeline) > MAX_AHEAD:
            self.transport.abort()

    def on_body(self, body: bytes) -> None:
        """A part of its body (httptools)."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The last byte of a request (httptools)."""
        if self._refused:
            return
        self._receiving = False
        super().on_message_complete()

    def _take(self, count: int) -> None:
        self._head_bytes += count
        self._refused = self._refused or self._head_bytes > MAX_HEAD_BYTES

    def on_response_complete(self) -> None:
        """An answer has been handed to the transport; the next request may be on its way."""
        self.since = self.loop.time()
        super().on_response_complete()

    def resume_writing(self) -> None:
        """The client has taken most of what there was for it (asyncio.Protocol): it is slow at most, and not gone."""
        self._unread_since = None
        super().resume_writing()

    def look(self, now: float, request_seconds: float) -> None:
        """End it where its client has kept the server waiting too long."""
        unread_bytes, before = self._unread(), self._unread_bytes
        self._unread_bytes = unread_bytes
        self._quiet_looks = self._quiet_looks + 1 if self.ending and not unread_bytes else 0
        if self._quiet_looks >= QUIET_LOOKS:
            self.drop()
            return
        # What TLS has handed on and the kernel has not taken is seen nowhere, but only where the kernel is full.
        if not (self.transport.get_write_buffer_size() if self._handshake is None else unread_bytes):
            self._unread_since = None
        elif self._unread_since is None or unread_bytes < before:
            self._unread_since = now
        elif now - self._unread_since > request_seconds:
            self.drop()  # a close would wait until all is read
            return
        if not self.answering and now - self.since > request_seconds and not self.transport.is_closing():
            self._end(408, "RequestTimeout", f"The request did not arrive within {request_seconds:g} seconds.")

    def _unread(self) -> int:
        """Bytes that the client has not taken: ours, and the kernel's, which reports them only now and then."""
        sock = self.transport.get_extra_info("socket")
        try:
            queued = fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4))
        except (OSError, AttributeError, ValueError):  # it is closed, or no socket
            return self.transport.get_write_buffer_size()
        return self.transport.get_write_buffer_size() + int.from_bytes(queued, sys.byteorder)

    def refuse(self) -> None:
        """There are too many."""
        self._end(503, "ServiceUnavailable", "The server has as many connections as it may. Try again later.")

    def _end(self, status: int, error: str, message: str) -> None:
        """Say why, where a request was begun and nothing of an answer is on the wire, and close."""
        begun = self.cycle is not None and not self.cycle.response_complete
        if not (begun and self.cycle.response_started):
            body = msgspec.json.encode({"message": message})
            head = (
                f"HTTP/1.1 {status} {error}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
                f"x-amzn-errortype: {error}\r\nconnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()
