"""Broken constraints, worded as AWS words them.

`1 validation error detected: Value 'x' at 'name' failed to satisfy constraint: Member
must have length less than or equal to 63`
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from whiteroom.base.faults import ValidationFault

VALUE_LIMIT_CHARACTERS = 256
"""How much of an offending value a message repeats."""
VIOLATION_LIMIT = 50
"""How many violations one answer lists; the check ends there, so that a hostile body costs no more."""

Path = tuple["Path | None", str]
"""Where a value stands: the path to its parent, and its own name. Cheap to extend; text only when it is asked for."""


def path_text(path: Path) -> str:
    """`dataChannels.1.member.channelName`, as AWS writes it."""
    names: list[str] = []
    step: Path | None = path
    while step is not None:
        step, name = step
        names.append(_shortened(name))
    return ".".join(reversed(names))


class TooManyViolations(Exception):
    """The list is full; what has been found is answer enough."""


class Violations:
    """The constraints that one request breaks, in the order in which they are found.

    As a context, it raises its fault when the block ends, where there is one.
    """

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[tuple[str, str, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if (kind is None and self._found) or kind is TooManyViolations:
            raise self.fault() from None

    def add(self, path: Path, value: object, constraint: str, *, sensitive: bool = False) -> None:
        """Record that the value at `path` breaks `constraint`. A sensitive value is not repeated.

        Raises:
            TooManyViolations: that was the last one of interest.
        """
        shown = "Value" if sensitive else f"Value {_quoted(value)}"
        self._found.append((path_text(path), shown, constraint))
        if len(self._found) >= VIOLATION_LIMIT:
            raise TooManyViolations

    def fault(self) -> ValidationFault:
        """All of them, as one fault. `reason` and `fieldList` are members of `cleanrooms`' shape alone."""
        sentences = [f"{shown} at '{at}' failed to satisfy constraint: {why}" for at, shown, why in self._found]
        count = len(sentences)
        noun = "error" if count == 1 else "errors"
        return ValidationFault(
            f"{count} validation {noun} detected: {'; '.join(sentences)}",
            reason="FIELD_VALIDATION_FAILED",
            fieldList=[{"name": at, "message": why} for at, _, why in self._found],
        )


def _quoted(value: object) -> str:
    return "null" if value is None else f"'{_shortened(_plain(value))}'"


def _shortened(text: str) -> str:
    return text if len(text) <= VALUE_LIMIT_CHARACTERS else f"{text[:VALUE_LIMIT_CHARACTERS]}..."


def _plain(value: Any) -> str:
    """As AWS's servers print values: `true`, `[a, b]`, `{k=v}`. Containers only as far as they are shown."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            some = list(value.items())[:VALUE_LIMIT_CHARACTERS]
            return "{" + ", ".join(f"{_plain_leaf(key)}={_plain_leaf(item)}" for key, item in some) + "}"
        case list():
            return "[" + ", ".join(_plain_leaf(item) for item in value[:VALUE_LIMIT_CHARACTERS]) + "]"
        case _:
            return str(value)


def _plain_leaf(value: Any) -> str:
    """One level deep is enough to recognise a value by."""
    match value:
        case dict():
            return "{...}"
        case list():
            return "[...]"
        case _:
            return _plain(value)


def length_constraint(size: int, least: int, most: float) -> str | None:
    """What a string, list or map of `size` breaks, if anything."""
    if size < least:
        return f"Member must have length greater than or equal to {least}"
    if size > most:
        return f"Member must have length less than or equal to {most:.0f}"
    return None


def enum_constraint(values: Sequence[str]) -> str:
    """What a value outside an enumeration breaks."""
    return f"Member must satisfy enum value set: [{', '.join(values)}]"


def pattern_constraint(pattern: str) -> str:
    """What a string that does not match breaks."""
    return f"Member must satisfy regular expression pattern: {pattern}"


def range_constraint(value: float, least: float, most: float) -> str | None:
    """What a number breaks, if anything."""
    if value < least:
        return f"Member must have value greater than or equal to {least}"
    if value > most:
        return f"Member must have value less than or equal to {most}"
    return None
