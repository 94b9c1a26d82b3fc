"""What was delivered to the visitor's account: listed, and handed out file by file through GetResult."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from whiteroom.base.arns import new_id
from whiteroom.console.asked import Asked
from whiteroom.console.rendering import page
from whiteroom.console.within import leaf, listed, within
from whiteroom.wire.downloads import Download, send_download

WHITEROOM = "whiteroom"
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def many(asked: Asked) -> Response:
    """What can be fetched, the newest first, page by page; and what the account's own location refused."""
    here = await within(asked)
    of_here = {"collaborationIdentifier": here.identifier}
    found = await leaf(asked, WHITEROOM, "ListResults", "results", **of_here)
    refused = await listed(asked.visitor, WHITEROOM, "ListResults", "results", status="REFUSED", **of_here)
    return page("results.html", visitor=asked.visitor, here=here, found=found, refused=refused, tab="results")


async def fetch(asked: Asked) -> Response:
    """One file, to be saved.

    Raises:
        Refused: it was not delivered to the account, or cannot be had here.
    """
    visitor = asked.visitor
    download = await visitor.inside.download(
        visitor.caller, resultIdentifier=asked.path["result"], fileName=asked.path["file"]
    )
    return _Sent(download)


class _Sent(Response):
    """Sends a file as the API does, piece by piece."""

    def __init__(self, download: Download) -> None:
        super().__init__(status_code=download.status)
        self.raw_headers = list(download.headers)
        self._download = download

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:  # noqa: ARG002 - Starlette's signature
        await send_download(send, receive, replace(self._download, headers=tuple(self.raw_headers)), new_id())
