"""What a program wrote, made fit to be read: cleaned of what is not text, and masked where a policy says so.

AWS documents what is masked, not how, nor what stands in its place (semantics, section 6): ours is
`MASK`. The order is what keeps a mask whole (docs/privacy.md, Logs):

1. escape sequences, control characters and characters that cannot be seen are taken out, so that
   nothing stands between two digits that a reader would not see there;
2. what is to be masked is looked for in the text and, where it differs, in its folded form, in which
   every digit of every script is one of 0 to 9 and wide, small or circled letters are plain ones;
3. only then is the text cut to its greatest length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from whiteroom.domain.privacy import LogPolicy

MASK = "[REDACTED]"
CUT = " [cut]"
"""Ends a text that was longer than it may be."""

_LOOK_AHEAD_CHARACTERS = 1024
"""How much of what is cut off is still searched: what begins before the cut is masked as a whole."""

_ESCAPES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"  # colours, cursor movements (CSI), also where the line ends inside of one
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)?"  # titles, links (OSC, DCS)
    "|\x1b[ -/]*[0-~]?"
)
_PLAIN = re.compile(r"[\t\n\x20-\x7e]*")
_KEPT_CONTROLS = "\t\n"
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Letters and symbols that show nothing."""
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_MARKS = frozenset({"Mn", "Me"})
_NUMERALS = frozenset({"Nl", "No"})
_BREAKS = frozenset({"Zl", "Zp"})

Span = tuple[int, int]
"""Where something stands in a text: from the first character to the one after the last."""


class Finder(Protocol):
    """Matches texts against what policies name. Every expression is matched in linear time, whoever wrote it."""

    def matches(self, pattern: str, text: str) -> bool:
        """Whether the regular expression matches anywhere in the text."""

    def found(self, text: str, policies: Iterable[LogPolicy]) -> Iterable[Span]:
        """Where stands what any of the policies says must not be seen.

        Raises:
            RuntimeError: `fault` has something to say of these policies.
        """

    def fault(self, policies: Iterable[LogPolicy]) -> str | None:
        """Why this server cannot mask what these policies name, a sentence; None where it can."""


@dataclass(frozen=True, slots=True)
class Folded:
    """A text in plain characters, and where each of them came from."""

    text: str
    origins: Sequence[int]


def cleaned(text: str) -> str:
    """The text without escape sequences, control characters (tab and line end excepted) and what cannot be seen.

    In it no two characters touch that did not do so for a reader's eye.
    """
    if _PLAIN.fullmatch(text):
        return text
    seen = "".join(map(_seen, _ESCAPES.sub("", text)))
    return unicodedata.normalize("NFC", seen)


def hidden(text: str, policies: Iterable[LogPolicy], limit_characters: int, finder: Finder) -> str:
    """A cleaned text with everything masked that any of the policies names, and cut at `limit_characters`.

    What begins before the cut and ends after it is masked as a whole: no rest of it stands at the end.
    """
    searched = text[: limit_characters + _LOOK_AHEAD_CHARACTERS]
    policies = tuple(policies)
    spans = list(finder.found(searched, policies))
    folded = _folded(searched)
    if folded is not None:
        spans += (_origin(span, folded, searched) for span in finder.found(folded.text, policies))
    pieces: list[str] = []
    place = 0
    for start, end in _merged(spans):
        if start >= limit_characters:
            break
        pieces += (text[place:start], MASK)
        place = end
    pieces.append(text[place:limit_characters])
    if len(text) > limit_characters and place < len(text):
        pieces.append(CUT)
    return "".join(pieces)


def _seen(character: str) -> str:
    category = unicodedata.category(character)
    if character in _KEPT_CONTROLS:
        return character
    if category in _UNSEEN or character in _BLANK:
        return ""
    return " " if category in _BREAKS else character


def _folded(text: str) -> Folded | None:
    """None for what is plain already."""
    if text.isascii():
        return None
    letters: list[str] = []
    origins: list[int] = []
    for place, character in enumerate(text):
        for letter in _plain(character):
            letters.append(letter)
            origins.append(place)
    return Folded("".join(letters), origins)


def _plain(character: str) -> Iterator[str]:
    if character.isascii():
        yield character
        return
    plain = unicodedata.normalize("NFKC", character)
    if unicodedata.category(character) in _NUMERALS and not any(map(str.isdecimal, plain)):
        plain = "0"  # Ⅷ would be VIII, and a numeral of a script without decimal digits is some number too
    for letter in plain:
        category = unicodedata.category(letter)
        if category == "Nd":
            yield str(unicodedata.decimal(letter))
        elif category == "Pd":
            yield "-"
        elif category == "Zs":
            yield " "
        elif category not in _MARKS:
            yield letter


def _origin(span: Span, folded: Folded, text: str) -> Span:
    start, end = folded.origins[span[0]], folded.origins[span[1] - 1] + 1
    # The marks on the last character go with it.
    while end < len(text) and unicodedata.category(text[end]) in _MARKS:
        end += 1
    return start, end


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """In order, those that touch or overlap as one. Empty ones are no find."""
    open_start = open_end = 0
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if start <= open_end:
            open_end = max(open_end, end)
            continue
        if open_start < open_end:
            yield open_start, open_end
        open_start, open_end = start, end
    if open_start < open_end:
        yield open_start, open_end
