"""One HTTP exchange with a server that may be hostile. Standard library only (see client.py).

http.client reads the protocol; the socket under it is ours, so that every exchange ends in
a bounded time with a bounded number of bytes, whatever the server does, and at once when
the caller loses interest.

ExchangeFailed                no usable answer came; the message is safe for the member
├── AnswerTimedOut            not within the time allowed
├── AnswerTooLarge            more bytes than the limit
└── Interrupted               the caller lost interest: `interrupted()` answered true
"""

from __future__ import annotations

import contextlib
import http.client
import io
import select
import socket
import struct
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_SLICE_SECONDS: Final = 0.2
"""How long a wait goes on before `interrupted` is asked again."""
_SLICE: Final = struct.pack("ll", 0, int(_SLICE_SECONDS * 1e6))
"""The same as a struct timeval."""
_HEAD_BYTES: Final = 256 << 10
"""Of everything before the body, informational answers included."""
_PIECE: Final = 8 << 10
_DISCARDED_BYTES: Final = 64 << 10
"""Of an answer nobody wants, read so that the connection can be used again."""


class ExchangeFailed(Exception):
    """No usable answer came. The message is safe for the member: it never quotes the server."""


class AnswerTimedOut(ExchangeFailed):
    """No whole answer within the time allowed."""


class AnswerTooLarge(ExchangeFailed):
    """More bytes than the limit allows."""


class Interrupted(ExchangeFailed):
    """The caller lost interest."""


class Sink(Protocol):
    """What takes an answer's body, without a copy on the way."""

    def room(self) -> memoryview:
        """Where the next bytes go; `took` says how many came."""

    def took(self, size: int) -> None:
        """So many bytes of the room are filled."""


class Exchanger:
    """Asks one server one thing after the other, over one connection while the server keeps it. For one thread."""

    def __init__(self, host: str, port: int, *, interrupted: Callable[[], bool], clock: Callable[[], float]) -> None:
        self._address = (host, port)
        self._interrupted = interrupted
        self._clock = clock
        self._wire: _Wire | None = None

    def ask(
        self,
        method: str,
        path: str,
        *,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
        body: bytes | memoryview | None = None,
        into: Sink | None = None,
        limit_bytes: int = _DISCARDED_BYTES,
    ) -> int:
        """Send a request and give back the answer's status. A 2xx answer's body goes to `into`.

        Redirects are not followed. What `into` holds after a failure is of no use.

        Raises:
            ExchangeFailed: no whole answer came, or it was none of HTTP.
        """
        deadline = self._clock() + timeout_seconds
        reused = self._reuse(deadline)
        wire = self._wire or self._connect(deadline)
        try:
            return self._exchange(wire, method, path, headers or {}, body, into, limit_bytes)
        except (ConnectionError, http.client.RemoteDisconnected):
            self.close()
            if not reused or wire.received:
                raise ExchangeFailed("the connection was closed before an answer came") from None
        except (http.client.HTTPException, ValueError):
            raise ExchangeFailed("what came was not a whole HTTP answer") from None
        except OSError as error:
            raise ExchangeFailed(f"the connection failed: {error.strerror}") from None
        finally:
            if self._wire is not None and not self._wire.reusable:
                self.close()
        # A server may close a connection it kept just as the next request is sent: no fault of anybody's.
        return self.ask(
            method,
            path,
            timeout_seconds=deadline - self._clock(),
            headers=headers,
            body=body,
            into=into,
            limit_bytes=limit_bytes,
        )

    def close(self) -> None:
        """Close the connection; the next `ask` opens another."""
        if self._wire is not None:
            self._wire.shut()
            self._wire = None

    def _exchange(
        self,
        wire: _Wire,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | memoryview | None,
        into: Sink | None,
        limit_bytes: int,
    ) -> int:
        connection = http.client.HTTPConnection(*self._address)
        connection.auto_open = 0
        connection.sock = wire  # all that http.client asks of a socket
        wire.begin(_HEAD_BYTES)
        # A server may refuse before it has read everything; its answer is worth more than the error.
        with contextlib.suppress(BrokenPipeError):
            connection.request(method, path, body, dict(headers))
        response = connection.getresponse()
        try:
            wanted = into is not None and 200 <= response.status < 300
            limit_bytes = limit_bytes if wanted else _DISCARDED_BYTES
            wire.begin(2 * limit_bytes + _HEAD_BYTES)  # chunks of a few bytes each cost as much again
            whole = _copy(response, into if wanted else None, limit_bytes)
            if wanted and not whole:
                raise AnswerTooLarge(f"the answer is larger than the {limit_bytes:,} bytes that are taken")
            wire.reusable = whole and not response.will_close
        finally:
            response.close()
        return response.status

    def _connect(self, deadline: float) -> _Wire:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.settimeout(max(0.01, min(2.0, deadline - self._clock())))
            sock.connect(self._address)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # The kernel does the waiting: half the system calls of asking first whether there is anything.
            sock.setblocking(True)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _SLICE)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SLICE)
        except OSError as error:
            sock.close()
            reason = "nothing listens" if isinstance(error, ConnectionRefusedError) else "no connection could be made"
            raise ExchangeFailed(f"{reason} on port {self._address[1]}") from None
        self._wire = _Wire(sock, deadline, self._interrupted, self._clock)
        return self._wire

    def _reuse(self, deadline: float) -> bool:
        """Whether the connection of the last exchange serves again; one on which anything has come since does not."""
        if self._wire is None:
            return False
        if self._wire.ready_to_read():
            self.close()
            return False
        self._wire.deadline = deadline
        self._wire.received = False
        return True


def _copy(response: http.client.HTTPResponse, into: Sink | None, limit_bytes: int) -> bool:
    """Read the body; false when it is larger than the limit, in which case a part of it was read."""
    unwanted = memoryview(bytearray(_PIECE))
    seen = 0
    while size := response.readinto(into.room() if into else unwanted):
        seen += size
        if seen > limit_bytes:
            return False
        if into is not None:
            into.took(size)
    if response.length:
        # http.client says nothing when a body of known length ends early.
        raise http.client.IncompleteRead(b"", response.length)
    return True


class _Wire:
    """A connected socket with a deadline, an allowance of bytes, and somebody to ask whether to go on."""

    def __init__(
        self, sock: socket.socket, deadline: float, interrupted: Callable[[], bool], clock: Callable[[], float]
    ) -> None:
        self.deadline = deadline
        self.reusable = False
        self.received = False
        self._sock = sock
        self._interrupted = interrupted
        self._clock = clock
        self._allowance = 0
        self._look_at = 0.0

    def begin(self, allowance_bytes: int) -> None:
        """From here on so many bytes are taken."""
        self._allowance = allowance_bytes
        self.reusable = False

    def receive(self, buffer: WriteableBuffer) -> int:
        """Some bytes of the answer; 0 at its end."""
        if self._allowance <= 0:
            raise AnswerTooLarge("the answer goes on beyond what is taken")
        while True:
            self._look()
            # Acknowledged at once: many servers write head and body apart, and the second waits for it (40 ms).
            self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            try:
                size = self._sock.recv_into(buffer)
            except BlockingIOError:
                continue
            self._allowance -= size
            self.received = self.received or size > 0
            return size

    def sendall(self, data: ReadableBuffer) -> None:
        """Send all of it."""
        left = memoryview(data)
        while left:
            self._look()
            with contextlib.suppress(BlockingIOError):
                left = left[self._sock.send(left) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client reads one answer from."""
        return io.BufferedReader(_Source(self), 64 << 10)

    def close(self) -> None:
        """Nothing: http.client closes what it has read to the end, and whether to is the Exchanger's choice."""

    def ready_to_read(self) -> bool:
        """Whether bytes or an end have come."""
        return bool(select.select([self._sock], [], [], 0)[0])

    def shut(self) -> None:
        """Close the connection."""
        self._sock.close()

    def _look(self) -> None:
        """Whether to go on."""
        now = self._clock()
        if now >= self.deadline:
            raise AnswerTimedOut("no whole answer came within the time allowed")
        if now >= self._look_at:
            if self._interrupted():
                raise Interrupted("the run ended or was stopped")
            self._look_at = now + _SLICE_SECONDS


class _Source(io.RawIOBase):
    """The bytes of one answer, as a file; closing it leaves the connection open."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        return self._wire.receive(buffer)
