"""The first page: what a member has to do now, and its collaborations."""

from __future__ import annotations

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.lists import every
from whiteroom.console.rendering import page
from whiteroom.console.steps import steps_of
from whiteroom.domain.resources.memberships import MembershipStatus

LOOKED_AT = 10
"""Of how many collaborations the first page says what is to do: the newest."""


async def show(asked: Asked) -> Response:
    """Every collaboration that the member is in or invited to, the newest first; and those that it was in."""
    visitor = asked.visitor
    found = await every(visitor, "cleanrooms", "ListCollaborations", "collaborationList")
    memberships = await every(visitor, "cleanrooms", "ListMemberships", "membershipSummaries")
    return page(
        "home.html",
        visitor=visitor,
        collaborations=found.items,
        more=found.is_cut,
        now=await steps_of(visitor, found.items[:LOOKED_AT]),
        looked_at=LOOKED_AT,
        past=[one for one in memberships.items if one["status"] != MembershipStatus.ACTIVE],
    )
