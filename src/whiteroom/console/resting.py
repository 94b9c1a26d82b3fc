"""What will end, before an owner takes something back: shown by the pages that revoke."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from whiteroom.console.lists import every
from whiteroom.console.sentences import Names, listed, names_of
from whiteroom.console.visitors import Visitor
from whiteroom.reads.resting_on import Dependant, resting_on_own

MOST = 100
"""Rows that a page shows of it; of all the page says how many there are."""


@dataclass(frozen=True, slots=True)
class Resting:
    """All of it, of some tables."""

    items: tuple[Dependant, ...]
    """The newest."""
    counted: str
    """How much there is in all: `2 trained models and 1 export`; empty where there is nothing."""
    names: Names
    is_cut: bool


async def resting(visitor: Visitor, collaboration_id: str, association_ids: Collection[str]) -> Resting:
    """What rests on the visitor's own tables.

    Raises:
        Refused: the collaboration is none of the visitor's.
    """
    here = {"collaborationIdentifier": collaboration_id}
    members = await every(visitor, "cleanrooms", "ListMembers", "memberSummaries", **here)
    account_id = visitor.account_id
    found = await visitor.inside.apart(lambda tx: resting_on_own(tx, account_id, collaboration_id, association_ids))
    counts = Counter(one.kind for one in found)
    plural = {"query": "queries"}
    counted = [
        f"{count:,} {kind if count == 1 else plural.get(kind, f'{kind}s')}" for kind, count in sorted(counts.items())
    ]
    return Resting(found[:MOST], listed(counted) if counted else "", names_of(members.items), len(found) > MOST)


async def own_associations(visitor: Visitor, membership: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """The visitor's tables in the collaboration, each with its collaboration rule's type where it has one.

    Raises:
        Refused: the membership is another's.
    """
    key = "configuredTableAssociationSummaries"
    asked = {"membershipIdentifier": membership["id"]}
    found = await every(visitor, "cleanrooms", "ListConfiguredTableAssociations", key, **asked)
    return found.items
