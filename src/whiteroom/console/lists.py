"""Lists of the API's, read page by page, and no further than a page of the console shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from whiteroom.console.visitors import Visitor

MOST = 200
"""Rows that a page shows of a list that it does not leaf through."""
_AT_A_TIME = 100


@dataclass(frozen=True, slots=True)
class Listed:
    """The first of a list."""

    items: tuple[dict[str, Any], ...]
    is_cut: bool
    """Whether there are more."""


async def every(visitor: Visitor, service: str, name: str, member: str, /, **parameters: Any) -> Listed:
    """What a list operation answers in `member`, over all its pages, up to MOST.

    Raises:
        Refused: the list is.
    """
    items: list[dict[str, Any]] = []
    token: str | None = None
    while len(items) < MOST:
        answer = await visitor.call(service, name, maxResults=_AT_A_TIME, nextToken=token, **parameters)
        items += answer[member]
        token = answer.get("nextToken")
        if token is None:
            return Listed(tuple(items), is_cut=False)
    return Listed(tuple(items[:MOST]), is_cut=True)
