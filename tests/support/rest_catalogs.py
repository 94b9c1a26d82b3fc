"""A small REST catalog of Iceberg, which answers what one of pyiceberg's own catalogs holds."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import NoSuchTableError

TOKEN = "a-token"


class RestServer:
    """What it answers, by Iceberg's specification of `config` and `loadTable`; and what a hostile one would."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.overrides: dict[str, Any] = {}
        """Of the client's configuration."""
        self.of_table: dict[str, str] = {}
        """The configuration that comes with a table."""
        self.says: dict[str, Any] = {}
        """Members of the answer on a table, in place of its own."""
        self.instead: tuple[int, dict[str, str], bytes] | None = None
        """Answered to everything: status, headers and body."""
        self.url = ""
        self.asked: list[str] = []

    def answer(self, request: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(request.path)
        if self.instead is not None:
            return self.instead
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _error(401, "NotAuthorizedException")
        path = request.path.partition("?")[0].strip("/").split("/")
        if path == ["v1", "config"]:
            return 200, {}, json.dumps({"defaults": {}, "overrides": self.overrides}).encode()
        try:
            _, _, namespace, _, table = path
            found = self.catalog.load_table((namespace, table))
        except (NoSuchTableError, ValueError):
            return _error(404, "NoSuchTableException")
        told = {
            "metadata-location": found.metadata_location,
            "metadata": json.loads(found.metadata.model_dump_json()),
            "config": self.of_table,
        }
        return 200, {}, json.dumps(told | self.says).encode()


def _error(status: int, kind: str) -> tuple[int, dict[str, str], bytes]:
    told = {"error": {"message": "told by the catalog", "type": kind, "code": status}}
    return status, {}, json.dumps(told).encode()


@contextlib.contextmanager
def rest_server(catalog: Catalog) -> Iterator[RestServer]:
    """A catalog that listens."""
    rest = RestServer(catalog)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = rest.answer(self)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    rest.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield rest
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
