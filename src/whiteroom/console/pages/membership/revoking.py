"""Taking back the use of a table: its collaboration rule, or the table itself; what that ends is said before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import RedirectResponse, Response

from whiteroom.console.asked import Asked
from whiteroom.console.pages.membership.receiving import own_membership
from whiteroom.console.rendering import PREFIX, page
from whiteroom.console.resting import own_associations, resting
from whiteroom.console.visitors import Visitor


@dataclass(frozen=True, slots=True)
class Way:
    """One way to take something back."""

    operation: str
    title: str
    ends: str
    """What it does, whatever rests on the table."""


WAYS: Mapping[str, Way] = {
    "rule": Way(
        "DeleteConfiguredTableAssociationAnalysisRule",
        "Take back the rule of",
        "Nothing new can use the table in this collaboration. When you set the rule again as it was, what was neither "
        "ended nor erased may be used again.",
    ),
    "table": Way(
        "DeleteConfiguredTableAssociation",
        "Take away",
        "The table leaves this collaboration, with its rule and its access budget here. What was made of it can never "
        "be used again, also when you bring the table anew.",
    ),
}
"""By the last part of the page's address."""


async def many(asked: Asked) -> Response:
    """The member's own tables here, and the ways to take each back."""
    visitor = asked.visitor
    membership = await own_membership(visitor, asked.path["collaboration"])
    return page(
        "membership/revoking.html",
        visitor=visitor,
        membership=membership,
        associations=await own_associations(visitor, membership),
        ways={name: visitor.may("cleanrooms", way.operation) for name, way in WAYS.items()},
        may_leave=visitor.may("cleanrooms", "DeleteMembership"),
    )


async def show(asked: Asked) -> Response:
    """What will end, and the form that ends it."""
    return await _confirmation(asked, 200)


async def revoke(asked: Asked) -> Response:
    """Take it back, once it is confirmed. It holds at once."""
    visitor, name = asked.visitor, asked.path["collaboration"]
    if "confirmed" not in asked.sent:
        return await _confirmation(asked, 400)
    membership = await own_membership(visitor, name)
    association = await _association(visitor, membership, asked.path["association"])
    way = WAYS.get(asked.path["way"])
    if way is None:
        return _no_such_page(visitor)
    rule = {} if way is WAYS["table"] else {"analysisRuleType": asked.sent.get("rule_type")}
    await visitor.call(
        "cleanrooms",
        way.operation,
        membershipIdentifier=membership["id"],
        configuredTableAssociationIdentifier=association["id"],
        **rule,
    )
    return RedirectResponse(f"{PREFIX}/collaborations/{name}/revoking", 303)


async def _confirmation(asked: Asked, status: int) -> Response:
    visitor, name = asked.visitor, asked.path["collaboration"]
    membership = await own_membership(visitor, name)
    association = await _association(visitor, membership, asked.path["association"])
    way = WAYS.get(asked.path["way"])
    if way is None:
        return _no_such_page(visitor)
    return page(
        "membership/revoke.html",
        status,
        visitor=visitor,
        membership=membership,
        association=association,
        way=way,
        name=asked.path["way"],
        resting=await resting(visitor, name, [association["id"]]),
        may=visitor.may("cleanrooms", way.operation),
        is_possible=way is WAYS["table"] or bool(association["analysisRuleTypes"]),
        is_unconfirmed=status != 200,
    )


async def _association(visitor: Visitor, membership: Mapping[str, Any], association_id: str) -> dict[str, Any]:
    answer = await visitor.call(
        "cleanrooms",
        "GetConfiguredTableAssociation",
        membershipIdentifier=membership["id"],
        configuredTableAssociationIdentifier=association_id,
    )
    association: dict[str, Any] = answer["configuredTableAssociation"]
    return association


def _no_such_page(visitor: Visitor) -> Response:
    title = "There is no such page"
    return page("problem.html", 404, visitor=visitor, title=title, message="Go back to what is there.")
