"""A server in front of what answers as Snowflake does, which answers something else where a test says so."""

from __future__ import annotations

import base64
import contextlib
import gzip
import io
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow

Altered = Callable[[bytes, bytes], bytes]
"""What a client sent and what the server answered; what it is answered instead."""


@contextlib.contextmanager
def answering_otherwise(port: int, altered: Altered) -> Iterator[int]:
    """The port of a front of the server at `port`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kept = ("host", "content-length", "accept-encoding")
            headers = {name: value for name, value in self.headers.items() if name.lower() not in kept}
            asked = urllib.request.Request(f"http://127.0.0.1:{port}{self.path}", sent, headers, method="POST")
            with urllib.request.urlopen(asked, timeout=60) as answer:
                body = altered(_plain(sent), _plain(answer.read()))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def rows_altered(word: bytes, change: Callable[[Any], tuple[Any, bool]]) -> Altered:
    """Another table in place of the rows of statements that have a word; whether the stream has its end."""

    def altered(sent: bytes, answered: bytes) -> bytes:
        document = json.loads(answered)
        held = (document.get("data") or {}).get("rowsetBase64") if word in sent else None
        if not held:
            return answered
        table, is_ended = change(pyarrow.ipc.open_stream(base64.b64decode(held)).read_all())
        document["data"]["rowsetBase64"] = base64.b64encode(_stream(table, is_ended=is_ended)).decode()
        return json.dumps(document).encode()

    return altered


def _stream(table: Any, *, is_ended: bool) -> bytes:
    held = io.BytesIO()
    writer = pyarrow.ipc.new_stream(held, table.schema)
    writer.write_table(table)
    if not is_ended:
        return held.getvalue()
    writer.close()
    return held.getvalue()


def _plain(body: bytes) -> bytes:
    return gzip.decompress(body) if body.startswith(b"\x1f\x8b") else body
