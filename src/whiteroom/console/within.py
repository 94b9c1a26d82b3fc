"""What stands within a collaboration: whose it is, by which operation its reader looks at it, and where its page is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from whiteroom.console.asked import Asked
from whiteroom.console.rendering import PREFIX
from whiteroom.console.visitors import Visitor
from whiteroom.wire.inside import Refused

ML = "cleanrooms-ml"
BASE_VERSION = "NULL"
"""What the first version of a model is called."""
ON_A_PAGE = 50
"""Rows of a list that is leafed through."""


@dataclass(frozen=True, slots=True)
class Within:
    """A collaboration, as somebody who looks at a page of it sees it."""

    visitor: Visitor
    collaboration: Mapping[str, Any]

    @property
    def identifier(self) -> str:
        """The collaboration's."""
        return str(self.collaboration["id"])

    @property
    def membership(self) -> str:
        """The visitor's own; empty where there is none, which operations refuse."""
        return str(self.collaboration.get("membershipId", ""))

    def url(self, *path: str, **query: str) -> str:
        """The address of a page of it."""
        place = "/".join((PREFIX, "collaborations", quote(self.identifier), *(quote(part, safe=":/") for part in path)))
        return f"{place}?{urlencode(query)}" if query else place

    def owns(self, arn: str) -> bool:
        """Whether a resource is of the visitor's own membership."""
        return bool(self.membership) and f":membership/{self.membership}/" in arn

    async def look(self, arn: str, key: str, own: str, others: str, **parameters: Any) -> dict[str, Any]:
        """What the visitor sees of a resource of `cleanrooms-ml`: all of its own, of others' what is shared.

        Args:
            arn: of the resource.
            key: the member that names it.
            own: the operation for the member's own.
            others: the operation by way of the collaboration.
            parameters: of either.

        Raises:
            Refused: it is not there for the visitor.
        """
        if self.owns(arn):
            return await self.visitor.call(ML, own, **{key: arn, "membershipIdentifier": self.membership}, **parameters)
        return await self.visitor.call(
            ML, others, **{key: arn, "collaborationIdentifier": self.identifier}, **parameters
        )


async def within(asked: Asked) -> Within:
    """The collaboration that the path names.

    Raises:
        Refused: it is not there for the visitor.
    """
    answer = await asked.visitor.call(
        "cleanrooms", "GetCollaboration", collaborationIdentifier=asked.path["collaboration"]
    )
    return Within(asked.visitor, answer["collaboration"])


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of a list, as the API pages it."""

    items: tuple[dict[str, Any], ...]
    next_token: str
    """Empty at the end."""
    is_first: bool


async def leaf(asked: Asked, service: str, name: str, member: str, /, **parameters: Any) -> Leaf:
    """The page of a list that the address asks for (`?after=TOKEN`).

    Raises:
        Refused: the list is.
    """
    token = asked.query.get("after") or None
    answer = await asked.visitor.call(service, name, maxResults=ON_A_PAGE, nextToken=token, **parameters)
    return Leaf(tuple(answer[member]), answer.get("nextToken", ""), token is None)


async def listed(visitor: Visitor, service: str, name: str, member: str, /, **parameters: Any) -> Leaf | None:
    """The first page of a list that stands on another's page; None where the visitor may not have it."""
    try:
        answer = await visitor.call(service, name, maxResults=ON_A_PAGE, **parameters)
    except Refused:
        return None
    return Leaf(tuple(answer[member]), answer.get("nextToken", ""), is_first=True)
