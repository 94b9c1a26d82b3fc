"""What of the member's went where, and the logs that it is read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import RedirectResponse, Response

from whiteroom.console.asked import Asked
from whiteroom.console.lists import every
from whiteroom.console.pages.membership.receiving import own_membership
from whiteroom.console.rendering import PREFIX, page
from whiteroom.console.resting import Resting, own_associations, resting
from whiteroom.console.uses import uses
from whiteroom.console.visitors import Visitor
from whiteroom.domain.observability.analysis_logs import ENABLED
from whiteroom.domain.resources.collaborations import MemberStatus
from whiteroom.wire.inside import Refused

_LOGS = {
    "queryLogStatus": "queries and ML input channels",
    "jobLogStatus": "trainings, inference jobs and exports",
}
"""What is written in which log."""


async def show(asked: Asked) -> Response:
    """Every event of the member's own analysis logs that names a table of its own; also after it has left."""
    visitor, name = asked.visitor, asked.path["collaboration"]
    collaboration, refusal = await _collaboration(visitor, name)
    found = await uses(visitor, name, asked.query.get("before", ""))
    if found is None and refusal is not None and not await _was_in(visitor, name):
        raise refusal
    membership: dict[str, Any] = {}
    if collaboration.get("memberStatus") == MemberStatus.ACTIVE:
        membership = await own_membership(visitor, name)
    off = [(key, what) for key, what in _LOGS.items() if membership and membership.get(key) != ENABLED]
    return page(
        "membership/uses.html",
        visitor=visitor,
        identifier=name,
        collaboration=collaboration,
        found=found,
        is_first="before" not in asked.query,
        off=off,
        rests=await _rests(visitor, name, membership) if off else None,
        offered={key for key in _LOGS if collaboration.get(key) == ENABLED},
        may_set=visitor.may("cleanrooms", "UpdateMembership"),
    )


async def enable(asked: Asked) -> Response:
    """Have a log written from now on."""
    visitor, name = asked.visitor, asked.path["collaboration"]
    membership = await own_membership(visitor, name)
    wanted = {key: ENABLED for key in _LOGS if asked.sent.get("log") == key}
    await visitor.call("cleanrooms", "UpdateMembership", membershipIdentifier=membership["id"], **wanted)
    return RedirectResponse(f"{PREFIX}/collaborations/{name}/uses", 303)


async def _rests(visitor: Visitor, collaboration_id: str, membership: Mapping[str, Any]) -> Resting:
    """What was made of the member's tables and can be used: of what is over, nobody knows without a log."""
    own = await own_associations(visitor, membership)
    return await resting(visitor, collaboration_id, [one["id"] for one in own])


async def _was_in(visitor: Visitor, collaboration_id: str) -> bool:
    """Whether the account has ever joined the collaboration."""
    found = await every(visitor, "cleanrooms", "ListMemberships", "membershipSummaries")
    return any(one["collaborationId"] == collaboration_id for one in found.items)


async def _collaboration(visitor: Visitor, name: str) -> tuple[dict[str, Any], Refused | None]:
    try:
        answer = await visitor.call("cleanrooms", "GetCollaboration", collaborationIdentifier=name)
    except Refused as refused:
        return {}, refused
    collaboration: dict[str, Any] = answer["collaboration"]
    return collaboration, None
