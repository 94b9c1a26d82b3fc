"""Sets of characters as Java has them, spelled out for RE2."""

from __future__ import annotations

from dataclasses import dataclass

from whiteroom.engines.duckdb.spark.java.regex_errors import BadRegex

Ranges = list[tuple[int, int]]
MAX_CHARACTER = 0x10FFFF

_WIDE = [(0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)]

CLASSES: dict[str, list[tuple[int, int]]] = {
    "d": [(48, 57)],
    "w": [(48, 57), (65, 90), (95, 95), (97, 122)],
    "s": [(9, 13), (32, 32)],
    "h": [(9, 9), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x180E, 0x180E), (0x2000, 0x200A), *_WIDE],
    "v": [(10, 13), (0x85, 0x85), (0x2028, 0x2029)],
}

PROPERTIES: dict[str, list[tuple[int, int]]] = {
    "Lower": [(97, 122)],
    "Upper": [(65, 90)],
    "ASCII": [(0, 127)],
    "Alpha": [(65, 90), (97, 122)],
    "Digit": [(48, 57)],
    "Alnum": [(48, 57), (65, 90), (97, 122)],
    "Punct": [(33, 47), (58, 64), (91, 96), (123, 126)],
    "Graph": [(33, 126)],
    "Print": [(32, 126)],
    "Blank": [(9, 9), (32, 32)],
    "Cntrl": [(0, 31), (127, 127)],
    "XDigit": [(48, 57), (65, 70), (97, 102)],
    "Space": [(9, 13), (32, 32)],
}

_CATEGORY_NAMES = "L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp"

CATEGORIES = frozenset(_CATEGORY_NAMES.split())


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """A character class: code points, or (Unicode categories) what RE2 calls by a name."""

    ranges: tuple[tuple[int, int], ...]
    named: tuple[str, ...] = ()


def shown(found: CharacterSet, *, negated: bool) -> str:
    """How RE2 writes a set."""
    if not negated and not found.named and len(found.ranges) == 1 and found.ranges[0][0] == found.ranges[0][1]:
        return _escaped(found.ranges[0][0])
    if not found.ranges and not found.named:
        return r"[^\x{0}-\x{10FFFF}]"
    if len(found.named) == 1 and not found.ranges and not negated:
        return found.named[0]
    if any(name.startswith("[") for name in found.named):
        raise BadRegex("a negated class of Unicode categories inside another cannot be run here")
    inner = "".join(_escaped(low) if low == high else f"{_escaped(low)}-{_escaped(high)}" for low, high in found.ranges)
    return f"[{'^' if negated else ''}{inner}{''.join(found.named)}]"


def _escaped(code: int) -> str:
    letter = chr(code)
    return letter if letter.isascii() and letter.isalnum() else f"\\x{{{code:X}}}"


def merged(ranges: Ranges) -> Ranges:
    """In order, none touching another."""
    found: Ranges = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found


def complement(ranges: Ranges) -> Ranges:
    """Every other character."""
    found, start = [], 0
    for low, high in merged(ranges):
        if low > start:
            found.append((start, low - 1))
        start = high + 1
    if start <= MAX_CHARACTER:
        found.append((start, MAX_CHARACTER))
    return found


def either(first: CharacterSet, second: CharacterSet) -> CharacterSet:
    """What is in one or the other."""
    return CharacterSet(tuple(merged([*first.ranges, *second.ranges])), first.named + second.named)


def both(first: CharacterSet, second: CharacterSet) -> CharacterSet:
    """What is in both.

    Raises:
        BadRegex: one of them is a Unicode category.
    """
    if first.named or second.named:
        raise BadRegex("an intersection of Unicode categories cannot be run here")
    outside = complement(list(first.ranges)) + complement(list(second.ranges))
    return CharacterSet(tuple(complement(outside)))
