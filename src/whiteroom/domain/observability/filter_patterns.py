"""The filter patterns of CloudWatch Logs with which a member searches what it may read.

Terms, quoted phrases, `-` for what must not be there, `?` for one of several, `%regular expression%`
(AWS: Filter pattern syntax). Patterns for JSON and for columns are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from whiteroom.domain.verdicts import Denied

_TERM = re.compile(r'\s*(?P<sign>[-?]?)(?:"(?P<phrase>(?:[^"\\]|\\.)*)"|(?P<word>[^\s"]+))(?=\s|$)')
_WORD = re.compile(r"\w+")
_EXPRESSION = re.compile(r"%(?P<expression>[^%]+)%")


@dataclass(frozen=True, slots=True)
class FilterPattern:
    """What a message must have, and must not. Case counts; a term matches inside of words too."""

    required: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    """One of these at least, where there are any."""
    expression: str | None = None

    def accepts(self, message: str, matches: Callable[[str, str], bool]) -> bool:
        """Whether the pattern finds the message; `matches` says whether a regular expression does."""
        if self.expression is not None:
            return matches(self.expression, message)
        return (
            all(term in message for term in self.required)
            and not any(term in message for term in self.forbidden)
            and (not self.optional or any(term in message for term in self.optional))
        )


def parse_filter_pattern(text: str, fault_of: Callable[[str], str | None]) -> FilterPattern | Denied:
    """Read a filter pattern; an empty one finds everything.

    Args:
        text: as the request gave it.
        fault_of: what is wrong with a regular expression, None where it compiles.
    """
    text = text.strip()
    if text.startswith("{"):
        return Denied("The filter pattern is one for JSON ({...}), which Whiteroom does not read. Use terms.")
    if text.startswith("["):
        return Denied("The filter pattern is one for columns ([...]), which Whiteroom does not read. Use terms.")
    whole = _EXPRESSION.fullmatch(text)
    if whole is not None:
        fault = fault_of(whole["expression"])
        if fault is not None:
            return Denied(f"The regular expression {text} of the filter pattern does not compile: {fault}.")
        return FilterPattern(expression=whole["expression"])
    return _terms(text)


def _terms(text: str) -> FilterPattern | Denied:
    found: dict[str, list[str]] = {"": [], "-": [], "?": []}
    place = 0
    while place < len(text):
        term = _TERM.match(text, place)
        if term is None:
            return Denied(f"The filter pattern has a quote that is not closed, from {text[place : place + 64]!r} on.")
        place = term.end()
        phrase, word = term["phrase"], term["word"]
        if word is not None and not _WORD.fullmatch(word):
            return Denied(
                f"The filter pattern has the term {word[:64]!r}: put what is not made of letters, digits and "
                "underscores into double quotes."
            )
        found[term["sign"]].append(word if phrase is None else re.sub(r"\\(.)", r"\1", phrase))
    if found["?"] and (found[""] or found["-"]):
        return Denied("The filter pattern has ?optional terms beside others. Use them alone.")
    return FilterPattern(tuple(found[""]), tuple(found["-"]), tuple(found["?"]))
