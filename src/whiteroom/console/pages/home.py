"""The first page: the collaborations of a member."""

from __future__ import annotations

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.lists import every
from whiteroom.console.rendering import page


async def show(asked: Asked) -> Response:
    """Every collaboration that the member is in or invited to; the newest first."""
    visitor = asked.visitor
    found = await every(visitor, "cleanrooms", "ListCollaborations", "collaborationList")
    return page("home.html", visitor=visitor, collaborations=found.items, more=found.is_cut)
