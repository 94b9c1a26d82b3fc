"""Operations that answer with a file: what is in the headers, which bytes follow, and how they are sent.

A file is first asked for as HeadResult, which answers its size and digest; what is to be sent is decided by these
(ranges.py); only where bytes are, the file is opened and GetResult is done, so that an answer without any is no
download.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import quote

from whiteroom.base.machine_errors import machine_error_of
from whiteroom.wire.calls import Call, Dispatch, NotImplementedOperation
from whiteroom.wire.models import services
from whiteroom.wire.ranges import Answered, answered
from whiteroom.wire.requests import Receive
from whiteroom.wire.responses import Response, Send

logger = logging.getLogger(__name__)

PIECE_BYTES = 256 * 1024
"""What is read and sent at a time. A client has the connection's patience for each (connections.py)."""

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_ALWAYS = (
    (b"accept-ranges", b"bytes"),
    (b"content-type", b"application/octet-stream"),
    # What a program has made is shown by no browser as a page of this server's.
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"private, no-cache"),
)


class File(Protocol):
    """Bytes that are being handed out."""

    async def read(self, limit_bytes: int) -> bytes:
        """The next ones; none at the end."""

    async def close(self) -> None:
        """Let go of it."""


Fetch = Callable[[str, str, Mapping[str, Any], int, int, Callable[[], Awaitable[object]]], Awaitable[File]]
"""Opens a file: the account whose download it is, the file's name, what HeadResult says about it, the first byte, how
many, and what is done once it is open, before any byte of it leaves; where that raises, the file is closed again.

Raises a `Fault` to refuse."""


@dataclass(frozen=True, slots=True)
class Download:
    """A response with a file."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    file: File


class Downloads:
    """Answers operations that answer with a file."""

    def __init__(self, dispatch: Dispatch, fetch: Fetch | None) -> None:
        """Ask of files with `dispatch`, and open them with `fetch`; without it none can be."""
        self._dispatch = dispatch
        self._fetch = fetch

    async def answer(self, call: Call) -> Response | Download:
        """The file, or the part of it that is asked for, or why none is sent.

        Raises:
            Fault: it is refused.
        """
        head = services()[call.operation.service].operations["HeadResult"]
        described = await self._dispatch(replace(call, operation=head)) or {}
        size_bytes, asked = int(described["contentLength"]), call.parameters
        tag = f'"{base64.b64decode(described["checksumSHA256"]).hex()}"'
        conditions = {"if_match": asked.get("ifMatch"), "if_none_match": asked.get("ifNoneMatch")}
        if call.operation is head:
            what = answered(size_bytes, tag, **conditions)
        else:
            what = answered(size_bytes, tag, **conditions, if_range=asked.get("ifRange"), asked=asked.get("range"))
        headers = _headers(what, tag, size_bytes, str(asked["fileName"]), described)
        if what.status not in (200, 206):
            return _without_bytes(what, headers)
        if call.operation is head:
            return Response(what.status, headers=headers, length=what.length)
        if self._fetch is None:
            raise NotImplementedOperation

        def begin() -> Awaitable[object]:
            part = {} if what.status == 200 else {"range": f"bytes={what.start}-{what.start + what.length - 1}"}
            named = {name: value for name, value in asked.items() if name in ("resultIdentifier", "fileName")}
            return self._dispatch(replace(call, parameters={**named, **part}))

        account_id, name = call.caller.account_id, str(asked["fileName"])
        file = await self._fetch(account_id, name, described, what.start, what.length, begin)
        return Download(what.status, (*headers, (b"content-length", str(what.length).encode())), file)


def _headers(
    what: Answered, tag: str, size_bytes: int, name: str, described: Mapping[str, Any]
) -> tuple[tuple[bytes, bytes], ...]:
    headers = [*_ALWAYS, (b"etag", tag.encode())]
    if what.status == 206:
        end = what.start + what.length - 1
        headers.append((b"content-range", f"bytes {what.start}-{end}/{size_bytes}".encode()))
    elif what.status == 416:
        headers.append((b"content-range", f"bytes */{size_bytes}".encode()))
    elif what.status == 200:
        headers.append((b"x-amz-checksum-sha256", str(described["checksumSHA256"]).encode()))
    if what.status in (200, 206):
        headers.append((b"content-disposition", disposition(name).encode()))
        headers.append((b"x-whiteroom-location", quote(str(described["location"]), safe="/:").encode()))
    return tuple(headers)


def disposition(name: str) -> str:
    """Content-Disposition: to be saved, under the last part of the name and never elsewhere (RFC 6266)."""
    plain = _UNSAFE.sub("_", name.rsplit("/", 1)[-1]).lstrip(".")
    return f'attachment; filename="{plain or "file"}"'


def _without_bytes(what: Answered, headers: tuple[tuple[bytes, bytes], ...]) -> Response:
    if what.status == 304:
        return Response(304, headers=headers)
    sentence, code = {
        412: ("The file is not the one that If-Match names.", "PreconditionFailed"),
        416: ("The file ends before the range begins. Content-Range says how long it is.", "InvalidRange"),
    }[what.status]
    headers = tuple(pair for pair in headers if pair[0] != b"content-type")
    return Response(what.status, f'{{"message":"{sentence}"}}'.encode(), error=code, headers=headers)


async def send_download(send: Send, receive: Receive, download: Download, request_id: str) -> None:
    """Send it, piece by piece, as fast as the client takes it; the file is closed in the end, whoever ends it.

    A file that cannot be read to its end leaves the answer shorter than it was said to be: the connection is closed.
    """
    left = asyncio.ensure_future(_left(receive))
    try:
        headers = [(b"x-amzn-requestid", request_id.encode()), *download.headers]
        await send({"type": "http.response.start", "status": download.status, "headers": headers})
        while not left.done():
            piece = await download.file.read(PIECE_BYTES)
            await send({"type": "http.response.body", "body": piece, "more_body": bool(piece)})
            if not piece:
                return
    except Exception as error:  # noqa: BLE001 - headers are sent: there is no other way to say so
        logger.error("The download of request %s was cut short: %s", request_id, machine_error_of(error) or error)  # noqa: TRY400 - a sentence says it
    finally:
        left.cancel()
        await download.file.close()


async def _left(receive: Receive) -> None:
    """The client has gone away; or it has all that it asked for."""
    while (await receive())["type"] != "http.disconnect":
        pass
