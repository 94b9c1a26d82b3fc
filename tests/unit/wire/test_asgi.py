"""What ASGI asks of an application besides requests."""

from __future__ import annotations

import asyncio
from typing import Any

from contract.wire.connection import Keys
from whiteroom.base.clock import utc_now
from whiteroom.wire.asgi import Application
from whiteroom.wire.calls import Call


async def nothing(call: Call) -> None:
    raise AssertionError(call)


def conversation(scope: dict[str, Any], *messages: dict[str, Any]) -> list[Any]:
    app = Application(Keys(), nothing, utc_now)
    inbox, sent = list(messages), []

    async def receive() -> dict[str, Any]:
        return inbox.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def test_it_starts_and_stops_with_the_server() -> None:
    sent = conversation({"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    assert sent == [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]


def test_a_websocket_is_closed() -> None:
    assert conversation({"type": "websocket"}) == [{"type": "websocket.close"}]


def test_a_client_that_leaves_before_its_body_is_complete_is_answered_nothing() -> None:
    scope = {"type": "http", "method": "POST", "path": "/x", "raw_path": b"/x", "query_string": b"", "headers": []}
    begun = {"type": "http.request", "body": b"{", "more_body": True}
    assert conversation(scope, begun, {"type": "http.disconnect"}) == []
