"""What Java's old parser of times (SimpleDateFormat, not lenient) would read, where its new one fails.

Spark ends a query there rather than choose (spark.sql.legacy.timeParserPolicy=EXCEPTION).
"""

from __future__ import annotations

import re

from whiteroom.engines.duckdb.spark.java import calendar
from whiteroom.engines.duckdb.spark.java.patterns import MONTHS, RANGES, Letters, Optional, Part, digits

_OLD_ZONE = re.compile(r"Z|[+-]\d\d")


def old_parser_reads(parts: tuple[Part, ...], text: str) -> bool:
    """Whether it reads a beginning of the text."""
    at = 0
    fields: dict[str, int] = {}
    for index, part in enumerate(parts):
        if isinstance(part, str):
            if not text.startswith(part, at):
                return False
            at += len(part)
            continue
        if isinstance(part, Optional):
            return False
        end = _read_old(part, text, at, fields, abutting=_abuts(parts, index))
        if end is None:
            return False
        at = end
    # It takes reading nothing for a failure.
    return at > 0 and _old_valid(fields)


def _abuts(parts: tuple[Part, ...], index: int) -> bool:
    after = parts[index + 1] if index + 1 < len(parts) else None
    return isinstance(after, Letters)


def _read_old(  # noqa: PLR0911 -- one a kind of letter
    part: Letters, text: str, at: int, fields: dict[str, int], *, abutting: bool
) -> int | None:
    start = at
    while at < len(text) and text[at] in " \t":
        at += 1
    letter = part.letter
    if letter == "X":
        found = _OLD_ZONE.match(text, at)
        return found.end() if found is not None else None
    if letter in "ML" and part.count > 2:
        for number, names in enumerate(MONTHS, 1):
            for name in reversed(names):
                if text[at : at + len(name)].lower() == name.lower():
                    fields["M"] = number
                    return at + len(name)
        return None
    if letter == "a":
        if text[at : at + 2].upper() not in {"AM", "PM"}:
            return None
        fields["a"] = int(text[at : at + 2].upper() == "PM")
        return at + 2
    if letter not in "yMLdDFHkKhmsS":
        return None
    sign = 1 if text[at : at + 1] == "-" and not abutting else 0
    # Spaces before a number that abuts on another count among its digits.
    end = digits(text, at + sign, max(start + part.count - at, 0) if abutting else 18)
    if end == at + sign:
        return None
    value = int(text[at:end])
    if letter == "y" and part.count <= 2 and end - at == 2 and not sign:
        value += 2000
    fields["M" if letter == "L" else letter] = value
    return end


def _old_valid(fields: dict[str, int]) -> bool:
    ranges = {**RANGES, "S": (0, 999)}
    inside = all(low <= fields[name] <= high for name, (low, high) in ranges.items() if name in fields)
    if not inside or not 1 <= fields.get("y", 1) <= 294_246:
        return False
    return calendar.days_of(fields.get("y", 1970), fields.get("M", 1), fields.get("d", 1)) is not None
