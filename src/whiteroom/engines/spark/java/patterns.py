"""Patterns of dates and times: what java.time's DateTimeFormatter and Spark's DateTimeFormatterHelper make of them.

A pattern is read once (`compiled`), with what Spark refuses refused; the session's zone is UTC and the locale en-US.
Where the new parser fails and Java's old one (SimpleDateFormat) would read a beginning of the text, Spark ends the
query rather than choose (spark.sql.legacy.timeParserPolicy=EXCEPTION): ValueError.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from whiteroom.engines.spark.java import calendar
from whiteroom.engines.spark.java.calendar import DAY_MICROS

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
_QUARTERS = ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")

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
"""Letters that Spark takes, and how often each may stand in a row."""
_NOT_PARSED = "EFqQ"
_ZONES = {
    ("V", 2): "UTC",
    **{("z", count): "UTC" for count in (1, 2, 3)},
    ("z", 4): "Coordinated Universal Time",
    ("O", 1): "GMT",
    ("O", 4): "GMT",
    **{("X", count): "Z" for count in range(1, 6)},
    ("x", 1): "+00",
    ("x", 2): "+0000",
    ("x", 3): "+00:00",
    ("x", 4): "+0000",
    ("x", 5): "+00:00",
    **{("Z", count): "+0000" for count in (1, 2, 3)},
    ("Z", 4): "GMT",
    ("Z", 5): "Z",
}


class BadPattern(ValueError):
    """Spark takes no such pattern. The message is for the querier."""


@dataclass(frozen=True, slots=True)
class Letters:
    """A run of one letter."""

    letter: str
    count: int


@dataclass(frozen=True, slots=True)
class Optional:
    """What stands in square brackets."""

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


# Formatting


@dataclass(slots=True)
class _Time:
    year: int
    month: int
    day: int
    days: int
    hour: int
    minute: int
    second: int
    micros: int


def format_time(micros: int, pattern: str) -> str:
    """The timestamp as the pattern has it."""
    days, rest = divmod(micros, DAY_MICROS)
    year, month, day = calendar.civil(days)
    seconds, fraction = divmod(rest, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    time = _Time(year, month, day, days, hour, minute, second, fraction)
    return "".join([write(time) for write in _writers(pattern)])


def format_seconds(seconds: int, pattern: str) -> str:
    """The time so many seconds after 1970, as the pattern has it; microseconds wrap as Java's do."""
    micros = seconds * 1_000_000
    return format_time((micros + (1 << 63)) % (1 << 64) - (1 << 63), pattern)


@lru_cache(maxsize=256)
def _writers(pattern: str) -> tuple[Callable[[_Time], str], ...]:
    found = compiled(pattern)
    return tuple(_flat(found.parts, era=found.era))


def _flat(parts: tuple[Part, ...], *, era: bool) -> list[Callable[[_Time], str]]:
    writers: list[Callable[[_Time], str]] = []
    for part in parts:
        if isinstance(part, Optional):
            writers += _flat(part.parts, era=era)
        elif isinstance(part, str):
            writers.append(_constant(part))
        else:
            writers.append(_writer(part.letter, part.count, era=era))
    return writers


def _writer(letter: str, count: int, *, era: bool) -> Callable[[_Time], str]:  # noqa: PLR0911 -- one a letter
    if (letter, count) in _ZONES:
        zone = _ZONES[letter, count]
        return lambda _: zone
    if letter == "y":
        return _year_writer(count, era=era)
    if letter in "ML" and count > 2:
        return lambda time: MONTHS[time.month - 1][count - 3]
    if letter == "E":
        return lambda time: WEEKDAYS[calendar.weekday(time.days)][count > 3]
    if letter in "Qq" and count > 2:
        return lambda time: f"Q{_quarter(time)}" if count == 3 else _QUARTERS[_quarter(time) - 1]
    if letter == "a":
        return lambda time: "AM" if time.hour < 12 else "PM"
    if letter == "G":
        names = ("BC", "AD") if count < 4 else ("Before Christ", "Anno Domini")
        return lambda time: names[time.year > 0]
    if letter == "S":
        return lambda time: f"{time.micros:06}000"[:count]
    number = _NUMBERS[letter]
    return lambda time: f"{number(time):0{count}}"


def _constant(text: str) -> Callable[[_Time], str]:
    return lambda _: text


def _year_writer(count: int, *, era: bool) -> Callable[[_Time], str]:
    def write(time: _Time) -> str:
        year = time.year if not era or time.year > 0 else 1 - time.year
        if count == 2:
            return f"{abs(year) % 100:02}"
        sign = "-" if year < 0 else "+" if count > 3 and year >= 10**count else ""
        return f"{sign}{abs(year):0{count}}"

    return write


def _quarter(time: _Time) -> int:
    return (time.month + 2) // 3


_NUMBERS: dict[str, Callable[[_Time], int]] = {
    "M": lambda time: time.month,
    "L": lambda time: time.month,
    "Q": _quarter,
    "q": _quarter,
    "d": lambda time: time.day,
    "D": lambda time: time.days - (calendar.days_of(time.year, 1, 1) or 0) + 1,
    "F": lambda time: (time.day - 1) % 7 + 1,
    "H": lambda time: time.hour,
    "k": lambda time: time.hour or 24,
    "K": lambda time: time.hour % 12,
    "h": lambda time: time.hour % 12 or 12,
    "m": lambda time: time.minute,
    "s": lambda time: time.second,
}


# Parsing


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
    if _old_parser_reads(found.parts, text):
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
        end = _digits(text, at, count)
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


def _digits(text: str, at: int, most: int) -> int:
    end = at
    while end < len(text) and end - at < most and "0" <= text[end] <= "9":
        end += 1
    return end


def _parse_number(part: Letters, text: str, at: int, read: _Found, reserved: int) -> int:
    letter, count = part.letter, part.count
    name = "M" if letter == "L" else letter
    if _is_fixed(part):
        end = _digits(text, at, count)
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
    end = _digits(text, start, most + reserved)
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
    hours_end = _digits(text, at + 1, 2)
    if hours_end - at != 3:
        raise _NoMatch
    parts, end = [int(text[at + 1 : hours_end])], hours_end
    wanted = 0 if (letter, count) in {("X", 1), ("x", 1)} else 1
    while len(parts) < 3:
        here = end + len(colon) if text[end : end + len(colon)] == colon else -1
        stop = _digits(text, here, 2) if here >= 0 else -1
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


_RANGES = {"M": (1, 12), "d": (1, 31), "D": (1, 366), "H": (0, 23), "k": (1, 24), "K": (0, 11), "h": (1, 12)}
_RANGES |= {"m": (0, 59), "s": (0, 59)}


def _resolve(read: _Found) -> int:
    fields = read.fields
    for name, (low, high) in _RANGES.items():
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


# Java's old parser

_OLD_ZONE = re.compile(r"Z|[+-]\d\d")


def _old_parser_reads(parts: tuple[Part, ...], text: str) -> bool:
    """Whether SimpleDateFormat, not lenient, reads a beginning of the text."""
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
    end = _digits(text, at + sign, max(start + part.count - at, 0) if abutting else 18)
    if end == at + sign:
        return None
    value = int(text[at:end])
    if letter == "y" and part.count <= 2 and end - at == 2 and not sign:
        value += 2000
    fields["M" if letter == "L" else letter] = value
    return end


def _old_valid(fields: dict[str, int]) -> bool:
    ranges = {**_RANGES, "S": (0, 999)}
    inside = all(low <= fields[name] <= high for name, (low, high) in ranges.items() if name in fields)
    if not inside or not 1 <= fields.get("y", 1) <= 294_246:
        return False
    return calendar.days_of(fields.get("y", 1970), fields.get("M", 1), fields.get("d", 1)) is not None
