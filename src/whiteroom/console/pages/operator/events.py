"""Events of all resources."""

from __future__ import annotations

import re

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.rendering import page

SHOWN = 100
_PLACE = re.compile(r"[0-9]{1,18}")


async def show(asked: Asked) -> Response:
    """Who did what to which resource, the newest first, from a place on."""
    text = asked.query.get("after", "")
    before = int(text) if _PLACE.fullmatch(text) else None
    found = await asked.visitor.inside.read(lambda tx: tx.newest_events(SHOWN + 1, before))
    return page(
        "operator/events.html",
        visitor=asked.visitor,
        found=found[:SHOWN],
        older=str(found[SHOWN - 1].place) if len(found) > SHOWN else "",
        is_continued=before is not None,
    )
