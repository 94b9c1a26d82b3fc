"""What `whiteroom doctor` finds."""

from __future__ import annotations

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.rendering import page


async def show(asked: Asked) -> Response:
    """As of the last minute; it can take half a minute to look."""
    return page("operator/health.html", visitor=asked.visitor, found=await asked.looks.doctor.now())
