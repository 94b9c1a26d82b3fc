"""Times read by a pattern: `to_date`, `to_timestamp` and `unix_timestamp`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from whiteroom.engines.duckdb.spark.java import calendar
from whiteroom.engines.duckdb.spark.java.calendar import DAY_MICROS
from whiteroom.engines.duckdb.spark.java.old_times import old_parser_reads
from whiteroom.engines.duckdb.spark.java.patterns import (
    MONTHS,
    RANGES,
    BadPattern,
    Letters,
    Optional,
    Part,
    compiled,
    digits,
)


class _NoMatch(Exception):
    """The text is none of the pattern."""


def check_parsing(text: str) -> None:
    """Whether a pattern that Spark takes can be read by here.

    Raises:
        BadPattern: it cannot.
    """
    pending = list(compiled(text, parsing=True).parts)
    while pending:
        part = pending.pop()
        if isinstance(part, Optional):
            pending += part.parts
        elif isinstance(part, Letters) and part.letter in "zVO":
            raise BadPattern(f"the letter {part.letter} cannot be read from a text here; use XXX for the zone")


@dataclass(slots=True)
class _Found:
    """What has been read of a text."""

    fields: dict[str, int] = field(default_factory=dict)
    offset_seconds: int = 0


def parse_time(text: str, pattern: str) -> int | None:
    """Microseconds of the time that the text is under the pattern; None where it is none.

    Raises:
        ValueError: Java's old parser would read it, and Spark ends the query.
    """
    found = compiled(pattern, parsing=True)
    read = _Found()
    try:
        if _parse_parts(found.parts, text, 0, read) == len(text):
            return _resolve(read)
    except _NoMatch:
        pass
    if old_parser_reads(found.parts, text):
        raise ValueError("Spark's two parsers differ")
    return None


def _parse_parts(parts: tuple[Part, ...], text: str, at: int, read: _Found) -> int:
    for index, part in enumerate(parts):
        if isinstance(part, Optional):
            before = dict(read.fields), read.offset_seconds
            try:
                at = _parse_parts(part.parts, text, at, read)
            except _NoMatch:
                read.fields, read.offset_seconds = before
        elif isinstance(part, str):
            if text[at : at + len(part)].lower() != part.lower():
                raise _NoMatch
            at += len(part)
        else:
            at = _parse_letters(part, text, at, read, reserved=_reserved(parts, index))
    return at


def _is_fixed(part: Part) -> bool:
    """Whether Java reads it as a number of so many digits."""
    if not isinstance(part, Letters):
        return False
    return (part.letter in "dhHkKmsML" and part.count == 2) or (part.letter, part.count) in {("D", 3), ("y", 2)}


def _is_open(part: Letters) -> bool:
    """Whether Java reads it as a number of any length."""
    return (part.letter in "yu" and part.count != 2) or (
        part.letter in "dhHkKmsMLDF" and not _is_fixed(part) and not (part.letter in "ML" and part.count > 2)
    )


def _reserved(parts: tuple[Part, ...], index: int) -> int:
    """How many digits after a number of any length belong to the numbers of fixed length that follow at once."""
    part = parts[index]
    if not isinstance(part, Letters) or not _is_open(part):
        return 0
    width = 0
    for after in parts[index + 1 :]:
        if not _is_fixed(after) or not isinstance(after, Letters):
            break
        width += after.count
    return width


def _parse_letters(part: Letters, text: str, at: int, read: _Found, *, reserved: int) -> int:
    letter, count = part.letter, part.count
    if letter in "ML" and count > 2:
        for number, names in enumerate(MONTHS, 1):
            name = names[count - 3]
            if text[at : at + len(name)].lower() == name.lower():
                return _put(read, "M", number, at + len(name))
        raise _NoMatch
    if letter == "a":
        if text[at : at + 2].upper() not in {"AM", "PM"}:
            raise _NoMatch
        return _put(read, "a", int(text[at : at + 2].upper() == "PM"), at + 2)
    if letter == "G":
        for era, names in enumerate((("BC", "Before Christ"), ("AD", "Anno Domini"))):
            name = names[count > 3]
            if text[at : at + len(name)].lower() == name.lower():
                return _put(read, "G", era, at + len(name))
        raise _NoMatch
    if letter == "S":
        end = digits(text, at, count)
        if end == at:
            raise _NoMatch
        return _put(read, "S", int(text[at:end].ljust(9, "0")), end)
    if letter in "XxZ":
        return _parse_offset(part, text, at, read)
    return _parse_number(part, text, at, read, reserved)


def _put(read: _Found, name: str, value: int, end: int) -> int:
    if read.fields.setdefault(name, value) != value:
        raise _NoMatch
    return end


def _parse_number(part: Letters, text: str, at: int, read: _Found, reserved: int) -> int:
    letter, count = part.letter, part.count
    name = "M" if letter == "L" else letter
    if _is_fixed(part):
        end = digits(text, at, count)
        if end - at != count:
            raise _NoMatch
        value = int(text[at:end])
        return _put(read, name, value + 2000 if letter == "y" else value, end)
    least = count if letter == "y" else 1 if letter != "D" else count
    most = 3 if (letter, count) == ("D", 2) else 19
    sign = text[at : at + 1] if text[at : at + 1] in {"+", "-"} else ""
    start = at + len(sign)
    if sign and letter == "D" and count == 2:
        raise _NoMatch
    end = digits(text, start, most + reserved)
    if reserved:
        end = start + max(least, end - start - reserved)
    if end - start < least or end > len(text) or not text[start:end].isdigit():
        raise _NoMatch
    value = int(text[start:end])
    exceeds = letter == "y" and count > 3
    wide = end - start > least
    if (sign == "+" and not (exceeds and wide)) or (exceeds and not sign and wide) or (sign == "-" and not value):
        raise _NoMatch
    return _put(read, name, -value if sign == "-" else value, end)


def _parse_offset(part: Letters, text: str, at: int, read: _Found) -> int:
    """Java's appendOffset for these patterns."""
    letter, count = part.letter, part.count
    zero = letter == "X" or (letter, count) == ("Z", 5)
    if zero and text[at : at + 1].upper() == "Z":
        read.offset_seconds = 0
        return at + 1
    sign = text[at : at + 1]
    if sign not in {"+", "-"}:
        raise _NoMatch
    colon = ":" if (count in {3, 5} and letter != "Z") or (letter, count) == ("Z", 5) else ""
    hours_end = digits(text, at + 1, 2)
    if hours_end - at != 3:
        raise _NoMatch
    parts, end = [int(text[at + 1 : hours_end])], hours_end
    wanted = 0 if (letter, count) in {("X", 1), ("x", 1)} else 1
    while len(parts) < 3:
        here = end + len(colon) if text[end : end + len(colon)] == colon else -1
        stop = digits(text, here, 2) if here >= 0 else -1
        if stop - here != 2 or here < 0:
            break
        if len(parts) == 2 and not (count > 3 or (letter == "Z" and count == 5)):
            break
        parts.append(int(text[here:stop]))
        end = stop
    if len(parts) - 1 < wanted or any(each > 59 for each in parts[1:]) or parts[0] > 18:
        raise _NoMatch
    total = sum(each * factor for each, factor in zip(parts, (3600, 60, 1), strict=False))
    read.offset_seconds = -total if sign == "-" else total
    return end


def _resolve(read: _Found) -> int:
    fields = read.fields
    for name, (low, high) in RANGES.items():
        if name in fields and not low <= fields[name] <= high:
            raise _NoMatch
    year = fields.get("y", 1970)
    if "G" in fields and "y" in fields and not fields["G"]:
        year = 1 - year
    days = _days(year, fields)
    seconds = (_hour(fields) * 60 + fields.get("m", 0)) * 60 + fields.get("s", 0) - read.offset_seconds
    return days * DAY_MICROS + seconds * 1_000_000 + fields.get("S", 0) // 1_000


def _days(year: int, fields: dict[str, int]) -> int:
    days = calendar.days_of(year, fields.get("M", 1), fields.get("d", 1))
    first = calendar.days_of(year, 1, 1)
    if days is None or first is None or not -290_308 <= year <= 294_247:
        raise _NoMatch
    if "D" not in fields or "y" not in fields:
        return days
    counted = first + fields["D"] - 1
    counted_year, month, day = calendar.civil(counted)
    if counted_year != year or fields.get("M", month) != month or fields.get("d", day) != day:
        raise _NoMatch
    return counted


def _hour(fields: dict[str, int]) -> int:
    afternoon = 12 * fields.get("a", 0)
    hours = {
        "H": fields.get("H"),
        "k": fields["k"] % 24 if "k" in fields else None,
        "h": fields["h"] % 12 + afternoon if "h" in fields else None,
        "K": fields["K"] + afternoon if "K" in fields else None,
    }
    found = {value for value in hours.values() if value is not None}
    if len(found) > 1:
        raise _NoMatch
    hour = found.pop() if found else afternoon
    if "a" in fields and ("H" in fields or "k" in fields) and hour // 12 * 12 != afternoon:
        raise _NoMatch
    return hour


_STRPTIME = {("y", 4): "%Y", ("M", 2): "%m", ("d", 2): "%d", ("H", 2): "%H", ("m", 2): "%M", ("s", 2): "%S"}
_STRPTIME |= {("S", 3): "%g", ("S", 6): "%f"}
_WHOLE_TIMES = ("", "H", "Hm", "Hms", "HmsS")


def strptime(pattern: str) -> tuple[str, str] | None:
    """The form of texts that the engine's own strptime reads alike, and what it calls the pattern.

    Texts of a date, with a time or without, of numbers of so many digits, in the years from 1000 to 9999: a regular
    expression says which they are. None where the pattern is another.
    """
    form, words, letters = "", "", ""
    for part in compiled(pattern, parsing=True).parts:
        if isinstance(part, str):
            form += re.escape(part)
            words += part.replace("%", "%%")
        elif isinstance(part, Letters) and (part.letter, part.count) in _STRPTIME:
            form += "[1-9][0-9]{3}" if part.letter == "y" else f"[0-9]{{{part.count}}}"
            words += _STRPTIME[part.letter, part.count]
            letters += part.letter
        else:
            return None
    times = "".join(each for each in letters if each in "HmsS")
    dates = sorted(each for each in letters if each not in "HmsS")
    return (form, words) if dates == ["M", "d", "y"] and times in _WHOLE_TIMES else None
