"""Redaction of what a program wrote: cleaned of what is not text, and masked where a policy says so.

AWS documents what is masked, not how, nor what is in its place (docs/sources.md): ours is
`MASK`. The order is what keeps a mask whole (docs/privacy.md, Logs):

1. escape sequences, control characters and characters that cannot be seen are taken out, so that
   nothing stands between two digits that a reader would not see there;
2. what is to be masked is looked for in the text and, where it differs, in its folded form, in which
   every digit of every script is one of 0 to 9, wide, small or circled letters are plain ones, and what
   parts two digits (tabs, blanks of any width and number, dashes, dots in the middle of a line) is one blank or hyphen;
3. only then is the text cut to its greatest length.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from whiteroom.domain.privacy.policies import LogPolicy

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
_POINTS = {"\u066b": ".", "\u066c": ",", "\u2212": "-"}
"""Arabic's signs between the digits of a number, and the minus sign."""
_PARTS = frozenset("\t _-\u00b7\u2022\u2027\u2219\u22c5\u30fb\uff65")
"""What may stand between the groups of a number's digits, once it is plain; two of them and more as well."""
_APART = re.compile(r"[0-9](?:[\t_]|[ -][\t _-])")

Span = tuple[int, int]
"""Where something is in a text: from the first character to the one after the last."""


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

    What begins before the cut and ends after it is masked as a whole: no rest of it is at the end.
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
    if text.isascii() and _APART.search(text) is None:
        return None
    letters: list[str] = []
    origins: list[int] = []
    for place, character in enumerate(text):
        for letter in _ideograph(text, place) or _plain(character):
            letters.append(letter)
            origins.append(place)
    return _closed_up(letters, origins)


def _closed_up(letters: Sequence[str], origins: Sequence[int]) -> Folded:
    """With one blank, or one hyphen, for whatever parts two digits."""
    kept: list[str] = []
    places: list[int] = []
    at = 0
    while at < len(letters):
        end = at
        while end < len(letters) and letters[end] in _PARTS:
            end += 1
        if end == at:
            kept.append(letters[at])
            places.append(origins[at])
            at += 1
            continue
        if kept and _is_digit(kept[-1]) and end < len(letters) and _is_digit(letters[end]):
            kept.append("-" if "-" in letters[at:end] else " ")
            places.append(origins[at])
        else:
            kept += letters[at:end]
            places += origins[at:end]
        at = end
    return Folded("".join(kept), places)


def _is_digit(letter: str) -> bool:
    return letter.isascii() and letter.isdigit()


def _ideograph(text: str, place: int) -> str:
    """The digit that a Chinese character stands for beside another digit; alone it is a word, as "one" is."""
    if unicodedata.category(text[place]) != "Lo" or not _is_numeric(text[place]):
        return ""
    beside = [text[at] for at in (place - 1, place + 1) if 0 <= at < len(text)]
    return str(int(unicodedata.numeric(text[place]))) if any(map(_is_numeric, beside)) else ""


def _is_numeric(character: str) -> bool:
    return unicodedata.numeric(character, -1) in range(10)


def _plain(character: str) -> Iterator[str]:
    if character.isascii() or character in _POINTS:
        yield _POINTS.get(character, character)
        return
    plain = unicodedata.normalize("NFKC", character)
    if unicodedata.category(character) in _NUMERALS and not any(map(str.isdecimal, plain)):
        # Ⅷ would be VIII, and a numeral of a script without decimal digits is some number too.
        plain = str(int(unicodedata.numeric(character))) if _is_numeric(character) else "0"
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
