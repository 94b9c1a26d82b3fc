"""A request as it came off the wire: nothing decoded that a signature or a route still needs raw."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from whiteroom.wire.protocol import ProtocolError, ProtocolFault

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientLeft(Exception):
    """The client closed the connection before its request was complete. There is nobody to answer."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request."""

    method: str
    path: str
    """Still percent-encoded."""
    query: Sequence[tuple[bytes, bytes]]
    """In order, percent-decoded, `+` read as a space."""
    headers: Mapping[bytes, bytes]
    """By lower-case name. A header that was sent several times has its values joined by commas, as a signature takes
    them; one of ONCE never is."""
    body: bytes


_SIGNING = frozenset({b"authorization", b"x-amz-date", b"x-amz-security-token", b"x-amz-content-sha256"})
"""Headers that may be given once: with two, nobody knows which one was meant."""
ONCE = _SIGNING | {
    *(b"host", b"content-length", b"content-type", b"content-encoding", b"transfer-encoding", b"expect"),
    *(b"x-amz-target", b"smithy-protocol"),
}
"""Headers that a request has once, or not at all."""


async def read_request(scope: Mapping[str, Any], receive: Receive, max_body_bytes: int) -> Request:
    """Read one request to its end.

    Raises:
        ProtocolFault: the body is larger than `max_body_bytes`, or packed in a way that no client of AWS uses; or a
            header is repeated that stands once.
        ClientLeft: the client went away first.
    """
    headers, repeated = _joined(scope["headers"])
    _check_single(repeated)
    if headers.get(b"content-encoding", b"identity") != b"identity":
        raise ProtocolFault(ProtocolError.UNSUPPORTED_MEDIA_TYPE, "Send the body without a Content-Encoding.")
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and (len(announced) > 18 or int(announced) > max_body_bytes):
        raise _too_large(max_body_bytes)
    return _request(scope, headers, await _read_body(receive, max_body_bytes))


def unread_request(scope: Mapping[str, Any]) -> Request:
    """A request whose body stays unread: enough to know which protocol it uses."""
    return _request(scope, _joined(scope["headers"])[0], b"")


def _request(scope: Mapping[str, Any], headers: Mapping[bytes, bytes], body: bytes) -> Request:
    return Request(
        method=scope["method"],
        path=(scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
        query=parse_query(scope["query_string"]) if scope["query_string"] else (),
        headers=headers,
        body=body,
    )


def parse_query(raw: bytes) -> list[tuple[bytes, bytes]]:
    """The pairs of a query string. A key without `=` has an empty value; a bare `?` has no pairs."""
    pairs = (piece.partition(b"=") for piece in raw.replace(b"+", b"%20").split(b"&") if piece)
    return [(unquote_to_bytes(key), unquote_to_bytes(value)) for key, _, value in pairs]


def check_media_type(request: Request, known: Collection[bytes]) -> None:
    """A body is one of the `known` types, of which the first is the usual one, or nothing is said of it.

    R's paws says nothing of its JSON.

    Raises:
        ProtocolFault: the request says that it is something else.
    """
    media_type = request.headers.get(b"content-type")
    if media_type is None or not request.body:
        return
    if media_type.partition(b";")[0].strip().lower() not in known:
        usual = next(iter(known)).decode()
        raise ProtocolFault(ProtocolError.UNSUPPORTED_MEDIA_TYPE, f"Send the body as {usual}.")


def _joined(raw: Iterable[tuple[bytes, bytes]]) -> tuple[dict[bytes, bytes], set[bytes]]:
    """The headers, and those that were sent more than once."""
    headers: dict[bytes, bytes] = {}
    repeated: set[bytes] = set()
    for name, value in raw:
        if name in headers:
            headers[name] = headers[name].strip() + b"," + value.strip()
            repeated.add(name)
        else:
            headers[name] = value
    return headers, repeated


def _check_single(repeated: Collection[bytes]) -> None:
    for name in sorted(ONCE.intersection(repeated)):
        error = ProtocolError.INCOMPLETE_SIGNATURE if name in _SIGNING else ProtocolError.SERIALIZATION
        raise ProtocolFault(error, f"The request has the header '{name.decode()}' more than once. Send it once.")


async def _read_body(receive: Receive, max_body_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size_bytes = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        chunk = message.get("body", b"")
        size_bytes += len(chunk)
        if size_bytes > max_body_bytes:
            raise _too_large(max_body_bytes)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(max_body_bytes: int) -> ProtocolFault:
    return ProtocolFault(ProtocolError.TOO_LARGE, f"The body is larger than {max_body_bytes} bytes.")
