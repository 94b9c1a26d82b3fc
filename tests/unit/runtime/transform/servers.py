"""Model servers on loopback: one that answers as a model does, and one that does anything to a socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from whiteroom.runtime.transform.jobs import MB


@dataclass
class Model:
    """What the server does, and what it saw."""

    answer: Callable[[bytes], bytes] = lambda body: body
    status: Callable[[bytes], int] = lambda body: 200
    parameters: bytes | None = None
    pings_refused: int = 0
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    busiest: int = 0
    busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def serving(model: Model) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with model.lock:
                model.connections += 1

        def do_GET(self) -> None:
            if self.path == "/ping":
                with model.lock:
                    model.pings_refused -= 1
                    refused = model.pings_refused >= 0
                self.reply(503 if refused else 200, b"")
            elif model.parameters is not None:
                self.reply(200, model.parameters)
            else:
                self.reply(404, b"no")

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with model.lock:
                model.bodies.append(body)
                model.headers.append(dict(self.headers))
                model.busy += 1
                model.busiest = max(model.busiest, model.busy)
            status, answer = model.status(body), model.answer(body)
            with model.lock:
                model.busy -= 1
            self.reply(status, answer)

        def reply(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def answering(invocation: Callable[[socket.socket], None], *, reads: bool = True) -> Iterator[int]:
    """A server that answers GET like any other, and POST with whatever `invocation` does to the socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    closing = threading.Event()

    def talk(peer: socket.socket) -> None:
        with peer:
            while request := _request(peer, reads=reads):
                if request.startswith(b"POST"):
                    with suppress(OSError):
                        invocation(peer)
                    return
                status = b"200 OK" if b"/ping" in request else b"404 No"
                peer.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")

    def accept() -> None:
        talks = []
        while not closing.is_set():
            try:
                peer, _ = listener.accept()
            except OSError:
                break
            talks.append(threading.Thread(target=talk, args=(peer,)))
            talks[-1].start()
        for each in talks:
            each.join()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        closing.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def _request(peer: socket.socket, *, reads: bool = True) -> bytes:
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            piece = peer.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0)
        while reads and len(body) < length:
            body += peer.recv(min(length - len(body), MB))
    except OSError:
        return b""
    return data
