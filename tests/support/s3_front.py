"""What stands before a store that speaks S3 and does as a test says: slow, broken, strict about who owns a bucket."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request, as the front sees it."""

    method: str
    bucket: str
    key: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]

    @property
    def name(self) -> str:
        """The operation of S3's, of those that a delivery makes."""
        names = {
            ("POST", True, False): "CreateMultipartUpload",
            ("PUT", False, True): "UploadPart",
            ("POST", False, True): "CompleteMultipartUpload",
            ("DELETE", False, True): "AbortMultipartUpload",
            ("GET", True, False): "ListMultipartUploads",
            ("PUT", False, False): "PutObject",
        }
        return names.get((self.method, "uploads" in self.query, "uploadId" in self.query), self.method)


@dataclass(frozen=True)
class Refuse:
    """Answer with an error of S3's."""

    status: int
    code: str


CUT = "cut"
"""Close the connection in the middle of the request's body."""
LOST = "lost"
"""Have the store do it, and close the connection before the answer."""
Trouble = Refuse | str | float | None
"""A number is how many seconds it takes longer."""


@dataclass
class Front:
    """The front. `trouble` says what becomes of each request; `owners` refuses whoever expects another."""

    url: str = ""
    trouble: Callable[[Asked], Trouble] = lambda _: None
    owners: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    """Every request to S3 so far."""

    def names(self) -> list[str]:
        return [one.name for one in self.asked]

    def judge(self, asked: Asked) -> Trouble:
        """As S3 says of ExpectedBucketOwner: 403 for a bucket that another account owns."""
        self.asked.append(asked)
        expected = asked.headers.get("x-amz-expected-bucket-owner")
        if expected is not None and self.owners.get(asked.bucket, expected) != expected:
            return Refuse(403, "AccessDenied")
        return self.trouble(asked)


def once(name: str, trouble: Trouble, number: int = 1) -> Callable[[Asked], Trouble]:
    """The trouble at one request of that name, the first of them or a later one."""
    seen = 0

    def judge(asked: Asked) -> Trouble:
        nonlocal seen
        seen += asked.name == name
        return trouble if asked.name == name and seen == number else None

    return judge


def always(name: str, trouble: Trouble) -> Callable[[Asked], Trouble]:
    """The trouble at every request of that name."""
    return lambda asked: trouble if asked.name == name else None


class _Handler(BaseHTTPRequestHandler):
    front: Front
    store: SplitResult
    protocol_version = "HTTP/1.1"

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def log_message(self, *_: Any) -> None:
        pass

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        bucket, _, key = parts.path.removeprefix("/").partition("/")
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, bucket, key, parse_qs(parts.query, keep_blank_values=True), headers)
        is_s3 = "/sts/" not in headers.get("authorization", "")
        trouble = self.front.judge(asked) if is_s3 else None
        length = int(headers.get("content-length", 0))
        if trouble == CUT:
            self.rfile.read(length // 2)
            self._hang_up()
            return
        body = self.rfile.read(length)
        if isinstance(trouble, float):
            time.sleep(trouble)
        if isinstance(trouble, Refuse):
            self._refuse(trouble)
            return
        status, answered, content = self._passed_on(body)
        if trouble == LOST:
            self._hang_up()
            return
        self.send_response_only(status)
        for name, value in answered:
            # Of HEAD, the length is that of what is not sent.
            said = name.lower() == "content-length" and self.command == "HEAD"
            if said or name.lower() not in {"content-length", "connection", "transfer-encoding"}:
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _answer  # noqa: N815 - http.server's names

    def _passed_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(str(self.store.hostname), self.store.port, timeout=60)
        try:
            connection.request(self.command, self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            connection.close()

    def _refuse(self, why: Refuse) -> None:
        content = f"<Error><Code>{why.code}</Code><Message>As the test says.</Message></Error>".encode()
        self.send_response_only(why.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def s3_front(store_url: str) -> Iterator[Front]:
    """A front before a store. What is signed for the front's address, the store must not look at: moto does not."""
    front = Front()
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (_Handler,), {"front": front, "store": urlsplit(store_url)})
    )
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    front.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield front
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
