"""domain.redaction.Finder on RE2, which matches in linear time, and Presidio for personal information and names."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

import re2

from whiteroom.domain.privacy.policies import Entity, LogPolicy
from whiteroom.domain.privacy.redaction import Span
from whiteroom.redaction import personal
from whiteroom.redaction.names import Names

_NUMBERS = (
    r"0[xX][0-9A-Fa-f]+",
    r"0[bB][01]+",
    r"[0-9]+(?:[.,_'][0-9]+)*(?:[eE][-+]?[0-9]+)?",
)
_NO_DETECTOR = (
    "The log policy redacts personal information, and this server has no detector for it. Its operator must install "
    "the extra pii (pip install 'whiteroom[pii]')."
)
_MAX_BYTES = 8 << 20
"""Memory for one compiled expression; RE2 goes on without its cache where that is too little."""


class PatternFinder:
    """See domain.redaction.Finder. For any number of threads."""

    def __init__(self, names: Names | None = None) -> None:
        """Without `names`, those of people and places are not found."""
        self.names = names

    def matches(self, pattern: str, text: str) -> bool:
        """See Finder."""
        return _compiled(pattern).search(text) is not None

    def found(self, text: str, policies: Iterable[LogPolicy]) -> Iterator[Span]:
        """See Finder."""
        expressions: dict[str, None] = {}
        wants_personal = False
        for policy in policies:
            for entity in policy.redacted_entities:
                if entity is Entity.CUSTOM:
                    expressions |= dict.fromkeys(policy.custom_data_identifiers)
                elif entity is Entity.NUMBERS:
                    expressions |= dict.fromkeys(_NUMBERS)
                else:
                    wants_personal = True
        # Each for itself: what one of them finds must not keep another from what overlaps it.
        yield from _matched(expressions, text)
        if wants_personal:
            numbers = personal.without_fractions(text)
            yield from _matched(personal.FORMS, numbers)
            yield from personal.found(numbers)
            if self.names is not None:
                yield from self.names.found(text)

    def fault(self, policies: Iterable[LogPolicy]) -> str | None:
        """See Finder."""
        for policy in policies:
            if Entity.PERSONAL in policy.redacted_entities and not personal.is_installed():
                return _NO_DETECTOR
            for pattern in (policy.filter_pattern, *policy.custom_data_identifiers):
                try:
                    _compiled(pattern or "")
                except re2.error:
                    return f"The regular expression {pattern!r} of the log policy can no longer be used."
        return None


def _matched(expressions: Iterable[str], text: str) -> Iterator[Span]:
    for expression in expressions:
        for match in _compiled(expression).finditer(text):
            yield match.span()


@functools.lru_cache(maxsize=64)
def _compiled(expression: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MAX_BYTES
    # Leftmost-longest: of two ways to match, the one that leaves less standing.
    options.longest_match = True
    return re2.compile(expression, options)
