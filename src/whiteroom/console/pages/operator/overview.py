"""The operator's first page."""

from __future__ import annotations

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.rendering import page


async def show(asked: Asked) -> Response:
    """What there is to see."""
    return page("operator/overview.html", visitor=asked.visitor)
