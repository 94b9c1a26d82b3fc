"""Masks in a program's own words what an algorithm's log policies say nobody may read.

AWS documents what is masked, not how, nor what stands in its place (semantics, section 5). Personal
information is found by its form (addresses, numbers of documents and telephones), never by meaning: a
bare name passes. Every expression is matched by RE2, in linear time, whoever wrote it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

import re2

from whiteroom.domain.privacy import Entity, LogPolicy

MASK = "[REDACTED]"

_PERSONAL = (
    r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+",  # e-mail addresses
    r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",  # IBANs
    r"\b\d{3}-\d{2}-\d{4}\b",  # social security numbers
    r"\b(?:\d[ -]?){12,18}\d\b",  # card numbers
    r"\b(?:\d{1,3}\.){3}\d{1,3}\b",  # IPv4 addresses
    r"\b(?:[0-9A-Fa-f]{1,4}:){3,7}(?::?[0-9A-Fa-f]{1,4})\b",  # IPv6 addresses
    r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b",  # hardware addresses
    r"\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}",  # telephone numbers with their country
    r"(?:\(\d{2,4}\) ?|\b\d{2,4}[ .-])\d{3,4}[ .-]\d{3,4}\b",  # and without
    r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",  # AWS access keys
    r"\b\d{4}-\d{2}-\d{2}\b",  # dates, of birth among others
)
_NUMBERS = (r"[0-9]+(?:[.,][0-9]+)*",)

_FORMS: Mapping[Entity, tuple[str, ...]] = {Entity.PERSONAL: _PERSONAL, Entity.NUMBERS: _NUMBERS}


def redact(text: str, policies: Iterable[LogPolicy]) -> str:
    """The text, with whatever any of the policies names replaced by `MASK`."""
    expressions: dict[str, None] = {}
    for policy in policies:
        for entity in policy.redacted_entities:
            found = policy.custom_data_identifiers if entity is Entity.CUSTOM else _FORMS[entity]
            expressions |= dict.fromkeys(found)
    if not expressions:
        return text
    return str(_compiled(tuple(expressions)).sub(MASK, text))


@functools.lru_cache(maxsize=64)
def _compiled(expressions: tuple[str, ...]) -> re2._Regexp:
    """One expression for all of them: what one has masked, another must not find again."""
    options = re2.Options()
    options.log_errors = False
    # Leftmost-longest, so that a number inside an address does not leave the address's rest standing.
    options.longest_match = True
    return re2.compile("|".join(f"(?:{expression})" for expression in expressions), options)
