"""Patterns of dates and times as java.time's DateTimeFormatter and Spark's DateTimeFormatterHelper read them.

What Spark refuses is refused (`compiled`); the session's zone is UTC and the locale en-US.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

MONTHS = (
    ("Jan", "January"),
    ("Feb", "February"),
    ("Mar", "March"),
    ("Apr", "April"),
    ("May", "May"),
    ("Jun", "June"),
    ("Jul", "July"),
    ("Aug", "August"),
    ("Sep", "September"),
    ("Oct", "October"),
    ("Nov", "November"),
    ("Dec", "December"),
)

WEEKDAYS = (
    ("Mon", "Monday"),
    ("Tue", "Tuesday"),
    ("Wed", "Wednesday"),
    ("Thu", "Thursday"),
    ("Fri", "Friday"),
    ("Sat", "Saturday"),
    ("Sun", "Sunday"),
)

_MOST = {
    **dict.fromkeys("dhHkKms", 2),
    **dict.fromkeys("yu", 6),
    **dict.fromkeys("GMLEQqzO", 4),
    "D": 3,
    "F": 1,
    "a": 1,
    "S": 9,
    "V": 2,
    "X": 5,
    "x": 5,
    "Z": 5,
}
"""Letters that Spark takes, and how often each may be in a row."""

_NOT_PARSED = "EFqQ"


class BadPattern(ValueError):
    """Spark takes no such pattern. The message is for the querier."""


@dataclass(frozen=True, slots=True)
class Letters:
    """A run of one letter."""

    letter: str
    count: int


@dataclass(frozen=True, slots=True)
class Optional:
    """What is in square brackets."""

    parts: tuple[Part, ...]


Part = str | Letters | Optional


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern that Spark takes."""

    parts: tuple[Part, ...]
    era: bool


@lru_cache(maxsize=256)
def compiled(text: str, *, parsing: bool = False) -> Pattern:
    """The pattern's parts.

    Raises:
        BadPattern: Spark refuses it.
    """
    stack: list[list[Part]] = [[]]
    index = 0
    while index < len(text):
        each = text[index]
        if each.isascii() and each.isalpha():
            end = index
            while end < len(text) and text[end] == each:
                end += 1
            stack[-1].append(_letters(each, end - index, parsing=parsing))
            index = end
        elif each == "'":
            literal, index = _quoted(text, index)
            stack[-1].append(literal)
        else:
            index += 1
            _other(each, stack)
    while len(stack) > 1:
        # Java closes what is open at the end.
        last = stack.pop()
        stack[-1].append(Optional(tuple(last)))
    return Pattern(tuple(stack[0]), era=any(isinstance(part, Letters) and part.letter == "G" for part in stack[0]))


def _other(each: str, stack: list[list[Part]]) -> None:
    if each == "[":
        stack.append([])
    elif each == "]":
        if len(stack) < 2:
            raise BadPattern("a ] in the pattern closes nothing")
        last = stack.pop()
        stack[-1].append(Optional(tuple(last)))
    elif each in "{}#":
        raise BadPattern(f"the pattern holds {each}, which Spark reserves; put it in quotes")
    else:
        stack[-1].append(each)


def _quoted(text: str, start: int) -> tuple[str, int]:
    index, found = start + 1, ""
    while index < len(text):
        if text[index] != "'":
            found += text[index]
        elif text[index + 1 : index + 2] == "'":
            found += "'"
            index += 1
        else:
            return (found or "'"), index + 1
        index += 1
    raise BadPattern("a quote in the pattern does not end")


def _letters(letter: str, count: int, *, parsing: bool) -> Letters:
    if letter in "YWwuec":
        raise BadPattern(f"Spark 3 has no week-based letter {letter} in patterns; use extract(... FROM ...)")
    if letter not in _MOST or (parsing and letter in _NOT_PARSED):
        raise BadPattern(f"Spark takes no letter {letter} in this pattern; put plain text in quotes")
    wrong = (letter == "V" and count != 2) or (letter == "O" and count not in {1, 4})
    if count > _MOST[letter] or wrong:
        raise BadPattern(f"Spark does not take {letter * count} in a pattern")
    return Letters(letter, count)


RANGES = {
    "M": (1, 12),
    "d": (1, 31),
    "D": (1, 366),
    "H": (0, 23),
    "k": (1, 24),
    "K": (0, 11),
    "h": (1, 12),
    "m": (0, 59),
    "s": (0, 59),
}
"""From which number to which a letter counts."""


def digits(text: str, at: int, most: int) -> int:
    """Where the digits that are at a place end, so many of them at most."""
    end = at
    while end < len(text) and end - at < most and "0" <= text[end] <= "9":
        end += 1
    return end
