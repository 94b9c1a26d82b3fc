"""A client that costs next to nothing: requests signed beforehand, several kept-alive connections, raw sockets."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


def signed(
    method: str, url: str, body: bytes, service: str, access_key_id: str, secret: str, region: str = "us-east-1"
) -> bytes:
    """The bytes of one HTTP/1.1 request, as boto3 would sign it."""
    host = url.split("/")[2]
    request = AWSRequest(method=method, url=url, data=body, headers={"Host": host, "Content-Type": "application/json"})
    SigV4Auth(Credentials(access_key_id, secret), service, region).add_auth(request)
    path = "/" + url.split("/", 3)[3]
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


class Load:
    """Keeps every connection busy: send on all, then read from all."""

    def __init__(self, address: tuple[str, int], connections: int) -> None:
        self.address = address
        self.sockets = [self._connect() for _ in range(connections)]

    def run(self, requests: Sequence[bytes], expect: bytes = b"200") -> float:
        """Requests per second over all of them. A server that closes a connection is connected to anew."""
        started = time.perf_counter()
        width = len(self.sockets)
        for start in range(0, len(requests), width):
            batch = requests[start : start + width]
            for place, request in enumerate(batch):
                self.sockets[place].sendall(request)
            for place in range(len(batch)):
                self._answer(place, expect)
        return len(requests) / (time.perf_counter() - started)

    def ask(self, request: bytes) -> Any:
        """One request; its answer's document."""
        self.sockets[0].sendall(request)
        return json.loads(self._answer(0, b"200"))

    def _answer(self, place: int, expect: bytes) -> bytes:
        status, closed, body = self._read(self.sockets[place])
        if status != expect:
            raise RuntimeError(f"the server answered {status!r}: {body[:500]!r}")
        if closed:
            self.sockets[place].close()
            self.sockets[place] = self._connect()
        return body

    def close(self) -> None:
        for connection in self.sockets:
            connection.close()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self.address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    @staticmethod
    def _read(connection: socket.socket) -> tuple[bytes, bool, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += _some(connection)
        head, _, body = data.partition(b"\r\n\r\n")
        lower = head.lower()
        length = int(lower.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        while len(body) < length:
            body += _some(connection)
        closed = b"connection: close" in lower or lower.startswith(b"http/1.0")
        return head.split(b" ", 2)[1], closed, body


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(262144)
    if not data:
        raise RuntimeError("the server closed the connection in the middle of an answer")
    return data
