from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from whiteroom.console.faces import Faces, Receive, Send

OWN = 9443


def asked(path: str, port: int, console_port: int | None, accept: bytes = b"*/*") -> str:
    """Who answers."""
    answered: list[str] = []

    def face(name: str) -> Any:
        async def serve(_: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
            del receive, send
            answered.append(name)

        return serve

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answered.append(str(message["status"]))

    scope = {
        "type": "http", "path": path, "method": "GET", "query_string": b"", "server": ("127.0.0.1", port),
        "headers": [(b"accept", accept)],
    }  # fmt: skip
    asyncio.run(Faces(face("api"), face("console"), console_port)(scope, receive, send))
    return answered[0]


@pytest.mark.parametrize(
    ("path", "port", "console_port", "answers"),
    [
        ("/console", 8080, None, "console"),
        ("/console/collaborations/x", 8080, None, "console"),
        ("/consoles", 8080, None, "api"),
        ("/memberships", 8080, None, "api"),
        ("/console", 8080, OWN, "api"),
        ("/console", OWN, OWN, "console"),
        ("/", OWN, OWN, "303"),
        ("/memberships", OWN, OWN, "404"),
        ("/health", OWN, OWN, "404"),
    ],
)
def test_a_console_with_a_port_of_its_own_is_there_alone_and_nothing_else_is(
    path: str, port: int, console_port: int | None, answers: str
) -> None:
    assert asked(path, port, console_port) == answers
