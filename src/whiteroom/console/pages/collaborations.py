"""A collaboration at a glance: who is in it, with which abilities, and whose tables."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.lists import every
from whiteroom.console.rendering import page


async def show(asked: Asked) -> Response:
    """The collaboration, as its member sees it."""
    visitor, name = asked.visitor, asked.path["collaboration"]
    answer = await visitor.call("cleanrooms", "GetCollaboration", collaborationIdentifier=name)
    members, schemas = await asyncio.gather(
        every(visitor, "cleanrooms", "ListMembers", "memberSummaries", collaborationIdentifier=name),
        every(visitor, "cleanrooms", "ListSchemas", "schemaSummaries", collaborationIdentifier=name),
    )
    return page(
        "collaboration.html",
        visitor=visitor,
        collaboration=answer["collaboration"],
        members=members.items,
        schemas=schemas,
    )
