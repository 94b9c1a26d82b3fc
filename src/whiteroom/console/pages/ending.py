"""Cancelling what runs, and erasing what it made: one form each, which says first what it will end."""

from __future__ import annotations

from typing import Any

from starlette.responses import RedirectResponse, Response

from whiteroom.console.asked import Asked
from whiteroom.console.ends import ENDS, End
from whiteroom.console.rendering import page
from whiteroom.console.within import Within, within


async def end(asked: Asked) -> Response:
    """Do what the form says to what the path names.

    Raises:
        Refused: the operation refuses it.
    """
    here = await within(asked)
    kind, name, version = asked.path["kind"], asked.path["name"], asked.sent.get("version", "")
    one = ENDS.get((kind, asked.sent.get("what", "")))
    if one is None:
        return page(
            "problem.html",
            404,
            visitor=asked.visitor,
            title="There is no such form",
            message="Go back to the page that it was on, and open that again.",
        )
    await _ask(here, one, name, version)
    shown = {"version": version} if version else {}
    return RedirectResponse(here.url(kind, name, **shown), 303)


async def _ask(here: Within, one: End, name: str, version: str) -> None:
    more: dict[str, Any] = dict(one.parameters)
    if one.has_versions and version:
        more["versionIdentifier"] = version
    await here.visitor.call(one.service, one.operation, membershipIdentifier=here.membership, **{one.key: name}, **more)
