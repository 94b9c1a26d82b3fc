"""The versions of a trained model as a tree: each below the one that it goes on from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from whiteroom.console.within import BASE_VERSION

DEEPEST = 6
"""Beyond it versions are not set in any further: a page has a width."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A version in its place."""

    summary: Mapping[str, Any]
    version: str
    depth: int
    comes_from: str
    """The version that it goes on from; empty where that is none of these."""


def version_of(answer: Mapping[str, Any]) -> str:
    """Which version an answer is of."""
    return str(answer.get("versionIdentifier") or BASE_VERSION)


def tree(summaries: Sequence[Mapping[str, Any]]) -> list[Branch]:
    """All of them, each behind the one that it goes on from; the oldest first among those of one parent."""
    by_version = {version_of(one): one for one in sorted(summaries, key=lambda one: one["createTime"])}
    below: dict[str, list[str]] = defaultdict(list)
    parents = {version: _parent(one, by_version) for version, one in by_version.items()}
    for version, parent in parents.items():
        below[parent].append(version)
    waiting = [(version, 0) for version in reversed(below[""])]
    found: list[Branch] = []
    while waiting:
        version, depth = waiting.pop()
        found.append(Branch(by_version[version], version, min(depth, DEEPEST), parents[version]))
        waiting += [(child, depth + 1) for child in reversed(below[version])]
    return found


def _parent(summary: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> str:
    """The version of the same model that it goes on from.

    A model's name is its first version's, later ones have names of their own: by both it is told from a version of
    another model.
    """
    for channel in summary.get("incrementalTrainingDataChannels", []):
        version = str(channel.get("versionIdentifier") or BASE_VERSION)
        if version in known and version != version_of(summary) and known[version]["name"] == channel["modelName"]:
            return version
    return ""
