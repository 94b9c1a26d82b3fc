"""Handshakes of TLS: a connection counts from the moment it is accepted, and not only once it has shown a handshake."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from whiteroom.wire.connections import Connection, Connections

FOREVER_SECONDS = 86_400.0
"""The loop's own limits for the beginning and the end of TLS, out of the way: `Connections` looks at both."""


class Handshake(asyncio.Protocol):
    """A connection whose client has not yet agreed on keys; it becomes a `Connection`.

    Args:
        connections: where it counts.
        context: the certificate of this moment.
        **uvicorns: what uvicorn gives to a connection.
    """

    answering = False

    def __init__(self, connections: Connections, context: Callable[[], ssl.SSLContext], **uvicorns: Any) -> None:
        self._all = connections
        self._context = context
        self._uvicorns = uvicorns
        self._loop = asyncio.get_running_loop()
        self._socket: socket.socket | None = None
        self._task: asyncio.Task[None] | None = None
        self.since = self._loop.time()
        self.ending = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, by a descriptor of its own: what arrives before that is to stay in the socket."""
        try:
            self._socket = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        except OSError:  # no descriptor is left: the client may try again
            self._socket = None
        transport.abort()  # type: ignore[attr-defined]  # it is a WriteTransport
        if self._socket is not None:
            self._task = self._loop.create_task(self._shake(self._socket))
            self._all.add(self, self._loop)

    async def _shake(self, client: socket.socket) -> None:
        """Until keys are agreed on, or the client is gone, has been ended or speaks something else."""
        try:
            with suppress(OSError):
                await self._loop.connect_accepted_socket(
                    lambda: Connection(self._all, self, **self._uvicorns),
                    client,
                    ssl=self._context(),
                    ssl_handshake_timeout=FOREVER_SECONDS,
                    ssl_shutdown_timeout=FOREVER_SECONDS,
                )
        finally:
            self._all.remove(self)
            self._socket = None

    def look(self, now: float, request_seconds: float) -> None:
        """End it where it has taken as long as a request may."""
        if now - self.since > request_seconds:
            self.refuse()

    def drop(self) -> None:
        """See `Held`."""
        self.refuse()

    def refuse(self) -> None:
        """End it: its handshake fails, since nothing more comes."""
        self.ending = True
        if self._socket is not None:
            with suppress(OSError):  # it is gone already
                self._socket.shutdown(socket.SHUT_RDWR)
