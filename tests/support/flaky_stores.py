"""A store of objects that fails as a test says: what S3 answers over HTTP on a bad day."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ETAG = '"an-etag"'
Fault = Callable[[BaseHTTPRequestHandler, bytes], None]
"""Answers a request for these bytes in its own way."""


def refuse(status: int, code: str) -> Fault:
    """An error of S3's."""

    def answer(request: BaseHTTPRequestHandler, _: bytes) -> None:
        body = f"<Error><Code>{code}</Code><Message>told by the store</Message></Error>".encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    return answer


def cut(request: BaseHTTPRequestHandler, body: bytes) -> None:
    """The connection ends in the middle."""
    _begin(request, 206, len(body))
    request.wfile.write(body[: len(body) // 2])
    request.wfile.flush()
    request.close_connection = True
    request.connection.shutdown(socket.SHUT_RDWR)


def short(request: BaseHTTPRequestHandler, body: bytes) -> None:
    """Fewer bytes than were asked for, and the store says that this is all."""
    _begin(request, 206, len(body) - 1)
    request.wfile.write(body[:-1])


def another(request: BaseHTTPRequestHandler, body: bytes) -> None:
    """An object that was written meanwhile, by a store that does not know If-Match."""
    _begin(request, 206, len(body), '"another"')
    request.wfile.write(bytes(len(body)))


def _begin(request: BaseHTTPRequestHandler, status: int, length: int, etag: str = ETAG) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(length))
    request.send_header("ETag", etag)
    request.end_headers()


class FlakyStore:
    """One object, and what goes wrong when it is read."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.faults: list[Fault] = []
        """What happens to the next requests, the first one first."""
        self.always: Fault | None = None
        self.asked = 0
        self.url = ""

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """One GET."""
        self.asked += 1
        ranged = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        body = self.body[int(ranged[1]) : int(ranged[2]) + 1] if ranged else self.body
        fault = self.always or (self.faults.pop(0) if self.faults else None)
        if fault is not None:
            fault(request, body)
        elif request.headers.get("If-Match") != ETAG:
            refuse(412, "PreconditionFailed")(request, body)
        else:
            _begin(request, 206 if ranged else 200, len(body))
            request.wfile.write(body)


@contextlib.contextmanager
def flaky_store(body: bytes) -> Iterator[FlakyStore]:
    """A store that listens."""
    store = FlakyStore(body)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with contextlib.suppress(OSError):
                store.answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    store.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
