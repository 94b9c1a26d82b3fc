"""What a page says of a resource, line by line: a name and a value, and where that leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Fact:
    """One line."""

    name: str
    value: Any
    """A text, a number or a time."""
    href: str = ""


def facts(answer: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Fact]:
    """What an answer has of the members in `names`, in their order; each has its words there."""
    for member, words in names.items():
        value = answer.get(member)
        if value not in (None, "", [], {}):
            yield Fact(words, value)


def reason_of(answer: Mapping[str, Any]) -> str:
    """Why something has failed, as its owner told it: code and sentence; empty where nothing says so."""
    details = answer.get("statusDetails") or answer.get("error") or {}
    return ": ".join(filter(None, (details.get("statusCode") or details.get("code"), details.get("message"))))


def pairs(answer: Mapping[str, Any], member: str) -> list[tuple[str, Any]]:
    """A map of an answer, by its names."""
    return sorted(answer.get(member, {}).items())
