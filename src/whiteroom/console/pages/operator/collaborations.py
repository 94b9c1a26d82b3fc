"""Collaborations: whose they are, who is in them, and whether work may be done."""

from __future__ import annotations

from starlette.responses import Response

from whiteroom.console.asked import Asked
from whiteroom.console.pages.operator.not_there import not_there
from whiteroom.console.places import place_in, place_of
from whiteroom.console.rendering import page
from whiteroom.domain.resources.collaborations import Collaboration, Member
from whiteroom.ports.transaction import Transaction

SHOWN = 100


async def show_all(asked: Asked) -> Response:
    """All of them, the newest first."""
    after = place_in(asked.query.get("after", ""))
    found = await asked.visitor.inside.read(lambda tx: tx.collaborations.page(SHOWN, after))
    return page("operator/collaborations.html", visitor=asked.visitor, found=found.items, older=place_of(found.next))


async def show(asked: Asked) -> Response:
    """One, and its members."""

    def read(tx: Transaction) -> tuple[Collaboration | None, tuple[Member, ...]]:
        one = tx.collaborations.get(asked.path["collaboration"])
        return one, () if one is None else tx.members.all(collaboration_id=one.id)

    one, members = await asked.visitor.inside.read(read)
    if one is None:
        return not_there(asked, "collaboration")
    return page("operator/collaboration.html", visitor=asked.visitor, one=one, members=members)
