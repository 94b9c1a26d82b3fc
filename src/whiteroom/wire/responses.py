"""HTTP responses: status, headers and body, and how they are sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
_WITHOUT_BODY = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response, complete but for the request's id."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    error: str | None = None
    """The bare name of the error that it carries, for `x-amzn-ErrorType`: in REST-JSON the only place where it
    stands, since clients let a `__type` or `code` in the body override it."""
    query_error: str | None = None
    """Its older name and whose fault it is, for `x-amzn-query-error`."""
    headers: Sequence[tuple[bytes, bytes]] = ()
    """What else its protocol has among the headers."""
    length: int | None = None
    """Content-Length of an answer to HEAD: how long the body would be."""


async def send_response(send: Send, response: Response, request_id: str) -> None:
    """Send it, under the request's id."""
    headers = [(b"x-amzn-requestid", request_id.encode()), *response.headers]
    if response.body:
        headers.append((b"content-type", response.content_type))
    if response.status not in _WITHOUT_BODY:
        length = len(response.body) if response.length is None else response.length
        headers.append((b"content-length", str(length).encode()))
    if response.error is not None:
        headers.append((b"x-amzn-errortype", response.error.encode()))
    if response.query_error is not None:
        headers.append((b"x-amzn-query-error", response.query_error.encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})
