"""What is kept and what was used, by payer and collaboration."""

from __future__ import annotations

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.rendering import page


async def show(asked: Asked) -> Response:
    """As of the last minute."""
    return page("operator/storage.html", visitor=asked.visitor, bills=await asked.looks.bills.now())
