"""The port of the S3 beside the server: copies bytes between a listening socket and the socket in the data folder.

SeaweedFS trusts whoever reaches its other ports, so it runs in a network of its own, and what leads out of that is one
socket in a folder of the server's user. This is run as a process of its own, which ends with the one that started it:
`python -m whiteroom.s3_server.front LISTENING_FD SOCKET`, its standard input a pipe of the server's.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections import Counter
from collections.abc import Callable

import uvloop

PIECE_BYTES = 256 * 1024
PATIENCE_SECONDS = 30.0
"""How long a connection waits for an S3 that is being started again."""
RETRY_SECONDS = 0.1
CONNECTIONS = 400
"""How many there may be at a time. Beyond it one is ended: of the address that has most, the one over which nothing
has gone for longest. So whoever opens them without end loses their own, and the server's deliveries go on."""


class Front:
    """Every connection, and when something last went over it."""

    def __init__(self, path: str, limit: int = CONNECTIONS) -> None:
        """Lead to the socket at `path`."""
        self._path = path
        self._limit = limit
        self._last: dict[asyncio.StreamWriter, float] = {}

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        self._last[writer] = asyncio.get_running_loop().time()
        if len(self._last) > self._limit:
            ended = self._one_too_many()
            del self._last[ended]  # it takes a while to end: who comes meanwhile ends another one
            ended.transport.abort()
        try:
            with contextlib.suppress(OSError):
                await self._pass_on(reader, writer)
        finally:
            self._last.pop(writer, None)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await _connected(self._path)

        def moved() -> None:
            self._touch(writer)

        try:
            await asyncio.gather(_copy(reader, inner_writer, moved), _copy(inner_reader, writer, moved))
        finally:
            inner_writer.close()

    def _one_too_many(self) -> asyncio.StreamWriter:
        """The connection to be ended."""
        addresses = {writer: _address_of(writer) for writer in self._last}
        ((most, _),) = Counter(addresses.values()).most_common(1)
        return min((one for one in self._last if addresses[one] == most), key=self._last.__getitem__)

    def _touch(self, writer: asyncio.StreamWriter) -> None:
        if writer in self._last:
            self._last[writer] = asyncio.get_running_loop().time()


def _address_of(writer: asyncio.StreamWriter) -> str:
    """Who is at the other end; empty for one that is gone."""
    name = writer.get_extra_info("peername")
    return str(name[0]) if name else ""


async def serve(listener: socket.socket, front: Front) -> None:
    """Pass connections on, until standard input ends."""
    server = await asyncio.start_server(front.meet, sock=listener, limit=PIECE_BYTES)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    async with server:
        await ended.wait()


async def _connected(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    until = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while True:
        try:
            return await asyncio.open_unix_connection(path, limit=PIECE_BYTES)
        except OSError:
            if asyncio.get_running_loop().time() > until:
                raise
            await asyncio.sleep(RETRY_SECONDS)


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, moved: Callable[[], None]) -> None:
    try:
        while piece := await source.read(PIECE_BYTES):
            target.write(piece)
            await target.drain()
            moved()
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            target.write_eof()


if __name__ == "__main__":
    uvloop.run(serve(socket.socket(fileno=int(sys.argv[1])), Front(sys.argv[2])))
