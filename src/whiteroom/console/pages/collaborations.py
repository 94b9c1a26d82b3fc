"""A collaboration at a glance: who is in it, with which abilities, and whose tables."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.drawing import BOX_HEIGHT, BOX_WIDTH
from whiteroom.console.glance import glance
from whiteroom.console.lists import every
from whiteroom.console.rendering import page
from whiteroom.console.sentences import may_sentence
from whiteroom.console.steps import steps_in
from whiteroom.domain.resources.collaborations import MemberStatus


async def show(asked: Asked) -> Response:
    """The collaboration, as its member sees it; to one that has not joined, without its tables."""
    visitor, name = asked.visitor, asked.path["collaboration"]
    answer = await visitor.call("cleanrooms", "GetCollaboration", collaborationIdentifier=name)
    collaboration = answer["collaboration"]
    now, members = await asyncio.gather(
        steps_in(visitor, collaboration),
        every(visitor, "cleanrooms", "ListMembers", "memberSummaries", collaborationIdentifier=name),
    )
    seen = None
    if collaboration["memberStatus"] == MemberStatus.ACTIVE:
        seen = await glance(visitor, name, members.items)
    return page(
        "collaboration.html",
        visitor=visitor,
        collaboration=collaboration,
        now=now,
        members=members.items,
        may={one["accountId"]: may_sentence(one, members.items) for one in members.items},
        seen=seen,
        box=(BOX_WIDTH, BOX_HEIGHT),
    )
