"""The listener for the operator's Prometheus, on an address of its own that members do not reach."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from whiteroom.web.openmetrics import MEDIA_TYPE

logger = logging.getLogger(__name__)

PATH = "/metrics"
PATIENCE_SECONDS = 10
"""How long a connection may be silent."""


class MetricsListener:
    """Answers `GET /metrics` with what `render` makes, in threads of its own, until it is closed.

    Each connection has a thread; `render` is called in one and the same always, which may hold a session of a store.
    """

    def __init__(self, host: str, port: int, render: Callable[[], bytes]) -> None:
        """Begin to listen.

        Raises:
            OSError: the address cannot be had.
        """
        self._maker = ThreadPoolExecutor(1, "metrics")
        self._server = _Server((host, port), _handler(lambda: self._maker.submit(render).result()))
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it has."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._maker.shutdown(cancel_futures=True)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the library's signature
        """Whoever goes away while it is answered is nobody's concern."""
        logger.debug("A reader of %s from %s left.", PATH, client_address, exc_info=True)


def _handler(render: Callable[[], bytes]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = PATIENCE_SECONDS

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != PATH:
                self._answer(HTTPStatus.NOT_FOUND, b"There is " + PATH.encode() + b" here, and nothing else.\n")
                return
            try:
                text = render()
            except Exception:
                logger.exception("The metrics could not be made.")
                self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"The server's log has the reason.\n")
                return
            self._answer(HTTPStatus.OK, text, MEDIA_TYPE)

        def _answer(self, status: HTTPStatus, body: bytes, media_type: str = "text/plain; charset=utf-8") -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def version_string(self) -> str:
            return "Whiteroom"

        def log_message(self, *_: Any) -> None:
            """No line for each request."""

    return Handler
