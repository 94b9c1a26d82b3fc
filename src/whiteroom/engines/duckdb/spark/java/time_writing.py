"""Times written by a pattern: `date_format` and `from_unixtime`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from whiteroom.engines.duckdb.spark.java import calendar
from whiteroom.engines.duckdb.spark.java.calendar import DAY_MICROS
from whiteroom.engines.duckdb.spark.java.patterns import MONTHS, WEEKDAYS, Optional, Part, compiled

_QUARTERS = ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")

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

_STRFTIME = {
    **{("y", count): "%Y" for count in (1, 3, 4)},
    ("y", 2): "%y",
    **{(letter, count): word for letter in "ML" for count, word in enumerate(("%-m", "%m", "%b", "%B"), 1)},
    **{("E", count): "%a" for count in (1, 2, 3)},
    ("E", 4): "%A",
    ("D", 1): "%-j",
    ("D", 3): "%j",
    ("a", 1): "%p",
    ("S", 3): "%g",
    ("S", 6): "%f",
    **{(letter, 1): f"%-{word}" for letter, word in zip("dHhms", "dHIMS", strict=True)},
    **{(letter, 2): f"%{word}" for letter, word in zip("dHhms", "dHIMS", strict=True)},
}
"""What the engine's own strftime calls the same, in the years from 1000 to 9999."""


_MOST_TEXTS = 4
"""Each of which reads the time anew."""


def strftime(pattern: str) -> tuple[tuple[str, int], ...] | None:
    """The pattern in strftime's words, for a year of four digits; None where they do not say it.

    Several texts stand for one after the other, each without so many of its last characters: strftime has no fewer
    digits of a second than three, and six are cut.
    """
    found = compiled(pattern)
    pending, written, words = list(found.parts), [], ""
    while pending:
        part = pending.pop(0)
        if isinstance(part, Optional):
            pending = [*part.parts, *pending]
        elif isinstance(part, str):
            words += part.replace("%", "%%")
        elif part.letter == "S" and part.count not in {3, 6}:
            words += "%f" + "0" * (part.count - 6)
            if part.count < 6:
                written.append((words, 6 - part.count))
                words = ""
        else:
            word = _ZONES.get((part.letter, part.count)) or _STRFTIME.get((part.letter, part.count))
            if word is None:
                return None
            words += word
    if words:
        written.append((words, 0))
    return tuple(written) if 0 < len(written) <= _MOST_TEXTS else None
