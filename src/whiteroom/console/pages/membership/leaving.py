"""Leaving a collaboration for good: all that is the member's there goes first, as DeleteMembership wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import RedirectResponse, Response

from whiteroom.console.asked import Asked
from whiteroom.console.lists import MOST, every
from whiteroom.console.pages.membership.receiving import own_membership
from whiteroom.console.rendering import PREFIX, page
from whiteroom.console.resting import resting
from whiteroom.console.visitors import Visitor


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of what a member has in a collaboration, and how it is taken away."""

    what: str
    service: str
    listing: str
    key: str
    deleting: str
    identifier: str
    """Of the request that deletes."""
    identified_by: str
    """Of the summary."""
    named_by: str


PARTS: tuple[Part, ...] = (
    # First what may be refused, since something runs on it: then nothing else was taken away yet.
    Part(
        "algorithms",
        "cleanrooms-ml",
        "ListConfiguredModelAlgorithmAssociations",
        "configuredModelAlgorithmAssociations",
        "DeleteConfiguredModelAlgorithmAssociation",
        "configuredModelAlgorithmAssociationArn",
        "configuredModelAlgorithmAssociationArn",
        "name",
    ),
    # Before budgets: a table without its budget would be open without a bound. It takes its own with it.
    Part(
        "tables",
        "cleanrooms",
        "ListConfiguredTableAssociations",
        "configuredTableAssociationSummaries",
        "DeleteConfiguredTableAssociation",
        "configuredTableAssociationIdentifier",
        "id",
        "name",
    ),
    Part(
        "budgets",
        "cleanrooms",
        "ListPrivacyBudgetTemplates",
        "privacyBudgetTemplateSummaries",
        "DeletePrivacyBudgetTemplate",
        "privacyBudgetTemplateIdentifier",
        "id",
        "privacyBudgetType",
    ),
    Part(
        "analysis templates",
        "cleanrooms",
        "ListAnalysisTemplates",
        "analysisTemplateSummaries",
        "DeleteAnalysisTemplate",
        "analysisTemplateIdentifier",
        "id",
        "name",
    ),
)
"""In the order in which they are taken away."""


async def show(asked: Asked) -> Response:
    """What goes, what will end, and the form that leaves."""
    return await _confirmation(asked, 200)


async def leave(asked: Asked) -> Response:
    """Take everything away and leave, once it is confirmed. To repeat it goes on where it was refused."""
    if "confirmed" not in asked.sent:
        return await _confirmation(asked, 400)
    visitor = asked.visitor
    membership = await own_membership(visitor, asked.path["collaboration"])
    own = {"membershipIdentifier": membership["id"]}
    for part in PARTS:
        while found := await _of(visitor, part, membership):
            for one in found:
                await visitor.call(part.service, part.deleting, **own, **{part.identifier: one[part.identified_by]})
            if len(found) < MOST:
                break
    await visitor.call("cleanrooms", "DeleteMembership", **own)
    return RedirectResponse(PREFIX, 303)


async def _of(visitor: Visitor, part: Part, membership: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    found = await every(visitor, part.service, part.listing, part.key, membershipIdentifier=membership["id"])
    return found.items


async def _confirmation(asked: Asked, status: int) -> Response:
    visitor, name = asked.visitor, asked.path["collaboration"]
    membership = await own_membership(visitor, name)
    found = await asyncio.gather(*(_of(visitor, part, membership) for part in PARTS))
    held = [(part.what, [one[part.named_by] for one in items]) for part, items in zip(PARTS, found, strict=True)]
    tables = [one["id"] for part, items in zip(PARTS, found, strict=True) if part.what == "tables" for one in items]
    wanted = [(part.service, part.deleting) for part in PARTS] + [("cleanrooms", "DeleteMembership")]
    return page(
        "membership/leave.html",
        status,
        visitor=visitor,
        membership=membership,
        held=[(what, names) for what, names in held if names],
        resting=await resting(visitor, name, tables),
        may=all(visitor.may(service, operation) for service, operation in wanted),
        is_unconfirmed=status != 200,
    )
