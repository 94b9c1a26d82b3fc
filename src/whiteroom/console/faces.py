"""Which of a server's faces a request is for: the API, or the console."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from whiteroom.console.rendering import PREFIX

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Faces:
    """An ASGI application of both. ASGI's lifespan is the API's."""

    def __init__(self, api: Application, console: Application, console_port: int | None) -> None:
        """The console beside the API; with a port of its own, there alone, and nothing else there."""
        self._api = api
        self._console = console
        self._port = console_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of ASGI."""
        if scope["type"] != "http":
            await self._api(scope, receive, send)
            return
        is_here = self._port is None or (scope.get("server") or ("", None))[1] == self._port
        path = scope["path"]
        if is_here and (path == PREFIX or path.startswith(f"{PREFIX}/")):
            await self._console(scope, receive, send)
        elif is_here and path == "/" and (self._port is not None or _is_of_a_browser(scope)):
            await _redirect(send)
        elif is_here and self._port is not None:
            await _not_found(send)
        else:
            await self._api(scope, receive, send)


def _is_of_a_browser(scope: Scope) -> bool:
    """Whether somebody has typed the server's address into a browser: no client of AWS asks for HTML."""
    headers = dict(scope["headers"])
    is_asked = scope["method"] in ("GET", "HEAD") and not scope["query_string"] and b"authorization" not in headers
    return is_asked and b"text/html" in headers.get(b"accept", b"")


async def _redirect(send: Send) -> None:
    headers = [(b"location", PREFIX.encode()), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _not_found(send: Send) -> None:
    text = b"The console is here, below /console, and nothing else.\n"
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 404, "headers": headers})
    await send({"type": "http.response.body", "body": text})
