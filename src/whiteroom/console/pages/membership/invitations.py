"""Joining a collaboration: what a member would pay for, and the form that accepts it."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from whiteroom.console.asked import Asked
from whiteroom.console.lists import every
from whiteroom.console.rendering import PREFIX, page
from whiteroom.console.sentences import PAID, costs_of
from whiteroom.domain.resources.collaborations import Cost
from whiteroom.domain.resources.payments import acceptance_of

ENABLED, DISABLED = "ENABLED", "DISABLED"
_LOGS = {"query_log": "queryLogStatus", "job_log": "jobLogStatus"}
"""By the field of the form: of CreateMembership and of the collaboration alike."""


async def show(asked: Asked) -> Response:
    """The invitation."""
    visitor, name = asked.visitor, asked.path["collaboration"]
    answer = await visitor.call("cleanrooms", "GetCollaboration", collaborationIdentifier=name)
    members = await every(visitor, "cleanrooms", "ListMembers", "memberSummaries", collaborationIdentifier=name)
    collaboration = answer["collaboration"]
    own = [one for one in members.items if one["accountId"] == visitor.account_id]
    return page(
        "membership/invitation.html",
        visitor=visitor,
        collaboration=collaboration,
        owed=[(cost.value, PAID[cost]) for one in own for cost in costs_of(one, members.items)],
        logs={field for field, setting in _LOGS.items() if collaboration.get(setting) == ENABLED},
        may_join=visitor.may("cleanrooms", "CreateMembership"),
    )


async def join(asked: Asked) -> Response:
    """Join, and pay for what the form has accepted: what was not shown is not accepted."""
    visitor, name, form = asked.visitor, asked.path["collaboration"], asked.sent
    logs = {setting: ENABLED if field in form else DISABLED for field, setting in _LOGS.items()}
    if "job_log" not in form:
        del logs["jobLogStatus"]
    accepted = [cost for cost in Cost if f"pays-{cost.value}" in form]
    await visitor.call(
        "cleanrooms",
        "CreateMembership",
        collaborationIdentifier=name,
        paymentConfiguration=acceptance_of(accepted),
        **logs,
    )
    return RedirectResponse(f"{PREFIX}/collaborations/{name}", 303)
