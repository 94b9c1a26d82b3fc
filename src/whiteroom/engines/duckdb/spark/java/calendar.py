"""Days and microseconds since 1970 and what a calendar makes of them, for every year (java.time.LocalDate)."""

from __future__ import annotations

from datetime import date

DAY_MICROS = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST = date.min.toordinal() - _EPOCH
_LAST = date.max.toordinal() - _EPOCH
_MIN_YEAR, _MAX_YEAR = -999_999_999, 999_999_999
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097


def civil(days: int) -> tuple[int, int, int]:
    """Year, month and day of a date."""
    if _FIRST <= days <= _LAST:
        found = date.fromordinal(days + _EPOCH)
        return found.year, found.month, found.day
    # Every 400 years are alike.
    cycles = (days - _FIRST) // _CYCLE_DAYS
    year, month, day = civil(days - cycles * _CYCLE_DAYS)
    return year + cycles * _CYCLE_YEARS, month, day


def days_of(year: int, month: int, day: int) -> int | None:
    """The date's days; None where there is no such date."""
    if not (_MIN_YEAR <= year <= _MAX_YEAR and 1 <= month <= 12 and 1 <= day <= days_in_month(year, month)):
        return None
    cycles = (year - 1) // _CYCLE_YEARS
    return date(year - cycles * _CYCLE_YEARS, month, day).toordinal() - _EPOCH + cycles * _CYCLE_DAYS


def is_leap(year: int) -> bool:
    """Whether its February has 29 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(year: int, month: int) -> int:
    """How long the month is."""
    return 29 if month == 2 and is_leap(year) else _MONTH_DAYS[month - 1]


def weekday(days: int) -> int:
    """0 for a Monday."""
    return (days + 3) % 7


_NAMES = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_DAYS = {short: index for index, name in enumerate(_NAMES) for short in (name, name[:3], name[:2])}


def weekday_named(name: str) -> int | None:
    """0 for what names a Monday; None for a name of no day."""
    return _DAYS.get(name.upper())


def next_day(days: int, name: str) -> int | None:
    """The first date after it that is the named day of the week; None for a name of no day."""
    wanted = weekday_named(name)
    return None if wanted is None else days + 1 + (wanted - weekday(days + 1)) % 7


def add_months(days: int, months: int) -> int | None:
    """Some months later, at most the last day of that month."""
    year, month, day = civil(days)
    year, index = divmod(year * 12 + month - 1 + months, 12)
    return days_of(year, index + 1, min(day, days_in_month(year, index + 1)))


def months_between(first: int, second: int, rounded: bool) -> float:
    """Months from the second time to the first, of 31 days where they are not whole; to 8 digits if rounded."""
    (first_day, first_rest), (second_day, second_rest) = divmod(first, DAY_MICROS), divmod(second, DAY_MICROS)
    year, month, day = civil(first_day)
    other_year, other_month, other_day = civil(second_day)
    months = float((year - other_year) * 12 + month - other_month)
    ends = day == days_in_month(year, month) and other_day == days_in_month(other_year, other_month)
    if day == other_day or ends:
        return months
    seconds = (day - other_day) * 86_400 + first_rest // 1_000_000 - second_rest // 1_000_000
    exact = months + seconds / (31 * 86_400)
    # Half up, of a number that Java rounds as floor(x + 0.5).
    return _round_half_up(exact * 1e8) / 1e8 if rounded else exact


def whole_months(earlier: int, later: int) -> int:
    """How many whole months are between two times; fewer than none where they stand the other way round."""
    (first, first_rest), (second, second_rest) = divmod(earlier, DAY_MICROS), divmod(later, DAY_MICROS)
    # A day that is not over does not count.
    if second > first and second_rest < first_rest:
        second -= 1
    elif second < first and second_rest > first_rest:
        second += 1
    year, month, day = civil(first)
    other_year, other_month, other_day = civil(second)
    packed = ((other_year * 12 + other_month) * 32 + other_day) - ((year * 12 + month) * 32 + day)
    return abs(packed) // 32 * (1 if packed >= 0 else -1)


def _round_half_up(value: float) -> int:
    whole = value.__floor__()
    return whole + (value - whole >= 0.5)


_DATE_UNITS = {
    "YEAR": "year",
    "YYYY": "year",
    "YY": "year",
    "QUARTER": "quarter",
    "MONTH": "month",
    "MM": "month",
    "MON": "month",
    "WEEK": "week",
}
_TIME_UNITS = {
    "DAY": "day",
    "DD": "day",
    "HOUR": "hour",
    "MINUTE": "minute",
    "SECOND": "second",
    "MILLISECOND": "millisecond",
    "MICROSECOND": "microsecond",
}


def date_unit(text: str) -> str | None:
    """What `trunc` cuts a date to; None where Spark knows no such unit."""
    return _DATE_UNITS.get(text.upper())


def time_unit(text: str) -> str | None:
    """What `date_trunc` cuts a timestamp to; None where Spark knows no such unit."""
    return _TIME_UNITS.get(text.upper()) or date_unit(text)


def truncate_date(days: int, unit: str) -> int | None:
    """The first day of the date's year, quarter, month or week."""
    found = date_unit(unit)
    year, month, _ = civil(days)
    if found == "week":
        return days - weekday(days)
    firsts = {"year": 1, "quarter": (month - 1) // 3 * 3 + 1, "month": month}
    return days_of(year, firsts[found], 1) if found in firsts else None


_PARTS = {"microsecond": 1, "millisecond": 1_000, "second": 1_000_000, "minute": 60_000_000, "hour": 3_600_000_000}


def truncate_time(micros: int, unit: str) -> int | None:
    """The start of what the timestamp is in."""
    found = time_unit(unit)
    if found in _PARTS:
        return micros - micros % _PARTS[found]
    days = micros // DAY_MICROS
    cut = days if found == "day" else truncate_date(days, unit)
    return None if cut is None else cut * DAY_MICROS


def make_timestamp(year: int, month: int, day: int, hour: int, minute: int, second_micros: int) -> int | None:
    """Microseconds of a time of UTC; second 60 without a fraction is the next minute's start."""
    days = days_of(year, month, day)
    inside = 0 <= hour < 24 and 0 <= minute < 60 and 0 <= second_micros <= 60_000_000
    if days is None or not inside:
        return None
    return days * DAY_MICROS + (hour * 60 + minute) * 60_000_000 + second_micros
