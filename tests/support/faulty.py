"""A store that fails as a test says: between a client and a real one, it answers 503, is slow, or cuts connections.

with faulty(url) as store:
    store.fault = lambda request: "503" if request.method == "PUT" else ""
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

UNAVAILABLE = b"<Error><Code>ServiceUnavailable</Code><Message>Come again.</Message></Error>"
SLOW_SECONDS = 4.0
OF_A_HOP = frozenset({"content-length", "transfer-encoding", "connection", "date", "server"})


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    range: str = ""
    """The bytes that are asked for, as `bytes=0-9`; empty for all."""


@dataclass
class Faulty:
    """The store, and what it does wrong."""

    url: str = ""
    fault: Callable[[Request], str] = lambda _request: ""
    """`503`, `cut` (the connection ends in the middle of the request), `cut answer`, `slow`; nothing for what works."""
    asked: list[Request] = field(default_factory=list)

    def times(self, count: int, fault: str, wanted: Callable[[Request], bool] = lambda _request: True) -> None:
        """Do that wrong so often."""
        left = [count]

        def decide(request: Request) -> str:
            if left[0] and wanted(request):
                left[0] -= 1
                return fault
            return ""

        self.fault = decide

    def count(self, method: str, part: str) -> int:
        """How often that was asked."""
        return sum(request.method == method and part in request.path for request in self.asked)


@contextlib.contextmanager
def faulty(real_url: str) -> Iterator[Faulty]:
    """A store in front of the one at that URL."""
    store, real = Faulty(), urlsplit(real_url).netloc
    methods = {f"do_{method}": _Handler.handle_any for method in ("GET", "PUT", "POST", "DELETE", "HEAD")}
    handler = type("Handler", (_Handler,), {"store": store, "real": real, **methods})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    store.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    store: Faulty
    real: str
    protocol_version = "HTTP/1.1"

    def handle_any(self) -> None:
        request = Request(self.command, self.path, self.headers.get("Range", ""))
        self.store.asked.append(request)
        fault = self.store.fault(request)
        if self.headers.get("Expect"):
            self.send_response_only(100)
            self.end_headers()
        length = int(self.headers.get("Content-Length", 0))
        if fault == "cut":
            self.rfile.read(length // 2)
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        body = self.rfile.read(length)
        if fault == "503":
            self.answer(503, [("Content-Type", "application/xml")], UNAVAILABLE)
            return
        if fault == "slow":
            time.sleep(SLOW_SECONDS)
        connection = http.client.HTTPConnection(self.real)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        self.answer(answer.status, answer.getheaders(), data, cut=fault == "cut answer")

    def handle_expect_100(self) -> bool:
        return True

    def answer(self, status: int, headers: list[tuple[str, str]], data: bytes, *, cut: bool = False) -> None:
        self.send_response(status)
        for name, value in (one for one in headers if one[0].lower() not in OF_A_HOP):
            self.send_header(name, value)
        length = dict(headers).get("Content-Length", str(len(data)))
        self.send_header("Content-Length", length if self.command == "HEAD" else str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data[: len(data) // 2] if cut else data)
        self.close_connection = self.close_connection or cut

    def log_message(self, *_: object) -> None:
        pass
