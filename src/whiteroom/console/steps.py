"""What a member has to do next, each with the page that does it where one form can and the visitor's role may."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from whiteroom.console.rendering import PREFIX
from whiteroom.console.visitors import Visitor
from whiteroom.domain.observability.next_actions import NextAction


@dataclass(frozen=True, slots=True)
class Form:
    """A page with the form that asks an operation."""

    service: str
    page: str
    """Below the collaboration's."""
    label: str
    text: str = ""
    """What the step is called where the form does it; empty for what it is called anyhow."""


FORMS: Mapping[str, Form] = {
    "CreateMembership": Form(
        "cleanrooms",
        "join",
        "Look at the invitation",
        "You are invited. See who is in it and what you would pay for, then join.",
    ),
    "PutMLConfiguration": Form("cleanrooms-ml", "receiving", "Say where"),
    "UpdateMembership": Form("cleanrooms", "receiving", "Say where"),
}
"""By the operation."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, or to wait for."""

    text: str
    path: str = ""
    """The page that does it; empty where none does."""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Steps:
    """All of them, in one collaboration."""

    collaboration: Mapping[str, Any]
    items: tuple[Step, ...]
    is_checked: bool
    """Whether the catalog has said in time which tables can be read."""


async def steps_in(visitor: Visitor, collaboration: Mapping[str, Any]) -> Steps:
    """What the visitor's account has to do next in a collaboration, which an operation has shown to it."""
    advice = await visitor.inside.advise(visitor.account_id, collaboration["id"])
    items = tuple(_step(visitor, collaboration["id"], action) for action in advice.actions)
    return Steps(collaboration, items, advice.is_checked)


async def steps_of(visitor: Visitor, collaborations: Iterable[Mapping[str, Any]]) -> list[Steps]:
    """The same of several; those are left out in which there is nothing to do."""
    found = await asyncio.gather(*(steps_in(visitor, one) for one in collaborations))
    return [steps for steps in found if steps.items]


def _step(visitor: Visitor, collaboration_id: str, action: NextAction) -> Step:
    form = FORMS.get(action.operation)
    if form is None or not visitor.may(form.service, action.operation):
        return Step(action.text)
    path = f"{PREFIX}/collaborations/{collaboration_id}/{form.page}"
    return Step(form.text or action.text, path, form.label)
