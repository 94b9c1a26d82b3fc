"""boto3's machinery in front of the application, with no network between: botocore signs, serialises and parses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from support.protocols import speak
from support.shapes import botocore_session
from whiteroom.base.callers import Credential
from whiteroom.base.clock import utc_now
from whiteroom.wire.asgi import Application
from whiteroom.wire.calls import Call

ACCOUNT = "123456789012"
KEY = Credential("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", ACCOUNT)
MODEL_NAMES = {
    "cleanrooms-ml": "cleanroomsml",
    "cleanrooms": "cleanrooms",
    "logs": "logs",
    "monitoring": "cloudwatch",
    "sts": "sts",
    "whiteroom": "whiteroom",
}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Operations:
    """The other side of the application: remembers what it is asked and answers what it is told to."""

    answer: Callable[[Call], Mapping[str, Any] | None] = lambda call: None
    calls: list[Call] = field(default_factory=list)

    async def __call__(self, call: Call) -> Mapping[str, Any] | None:
        self.calls.append(call)
        return self.answer(call)


class Keys:
    """One key, and whatever session tokens a test makes up."""

    def __init__(self, **sessions: Credential) -> None:
        self._sessions = sessions

    def key(self, access_key_id: str) -> Credential | None:
        return KEY if access_key_id == KEY.access_key_id else None

    def session(self, token: str) -> Credential | None:
        return self._sessions.get(token)


def application(operations: Operations, **settings: Any) -> Application:
    return Application(Keys(), operations, utc_now, **settings)


def ask(
    app: Application,
    method: str,
    target: str,
    headers: Sequence[tuple[str, str]] = (),
    body: bytes | Sequence[bytes] = b"",
) -> Answer:
    """One HTTP request, as a server would hand it over. `target` is what stands in the request line."""
    return asyncio.run(_ask(app, method, target, headers, [body] if isinstance(body, bytes) else list(body)))


async def _ask(
    app: Application, method: str, target: str, headers: Sequence[tuple[str, str]], chunks: list[bytes]
) -> Answer:
    path, _, query = target.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not chunks:  # the client waits for its answer
            await asyncio.Event().wait()
        return {"type": "http.request", "body": chunks.pop(0), "more_body": bool(chunks)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start, *pieces = sent
    answered = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], answered, b"".join(piece["body"] for piece in pieces))


class _Raw:
    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._body


def client(app: Application, service: str, key: Credential = KEY, protocol: str | None = None) -> Any:
    """A botocore client whose requests go straight to `app`, in the protocol named."""
    session = botocore_session()
    if protocol is not None:
        speak(session, protocol)
    made = session.create_client(
        MODEL_NAMES[service],
        region_name="eu-west-1",
        endpoint_url="http://localhost:8080",
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        config=Config(retries={"total_max_attempts": 1}),
    )

    deliver_to(made, app)
    return made


def deliver_to(made: Any, app: Application) -> None:
    """Have a botocore client's requests go straight to `app`."""

    def deliver(request: AWSPreparedRequest, **_: Any) -> Any:
        parts = urlsplit(request.url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        headers = [
            (name, value if isinstance(value, str) else value.decode()) for name, value in request.headers.items()
        ]
        sent: Any = request.body or b""
        body = sent.encode() if isinstance(sent, str) else bytes(sent)
        answer = ask(app, request.method, target, [("Host", parts.netloc), *headers], body)
        headers_answered: Any = answer.headers
        return AWSResponse(request.url, answer.status, headers_answered, _Raw(answer.body))

    made.meta.events.register("before-send", deliver)
