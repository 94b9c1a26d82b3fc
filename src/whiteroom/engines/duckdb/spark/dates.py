"""Functions of dates and times. Every timestamp is a time of UTC, the session's zone in Spark's terms."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark import arguments
from whiteroom.engines.duckdb.spark.arguments import (
    date,
    days,
    from_days,
    from_micros,
    long,
    micros,
    text,
    timestamp,
    whole,
)
from whiteroom.engines.duckdb.spark.building import call, cast, once_only, repeating
from whiteroom.engines.duckdb.spark.java import calendar, zones
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.arguments import is_text, required_text, text_of
from whiteroom.sql.spark.building import Rule, type_of
from whiteroom.sql.spark.dates import FIELDS, FUNCTIONS

_TIMES = frozenset({exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.TIMESTAMPLTZ, exp.DType.TIMESTAMPNTZ})

_SECOND = 1_000_000


def _part(name: str, *, of_time: bool = False) -> Rule:
    """A field of a date, or of a time."""
    return lambda node: cast(call(name, (timestamp if of_time else date)(_bare(node.this))), "INT")


def _bare(node: exp.Expr) -> exp.Expr:
    """What sqlglot has wrapped in a cast of its own."""
    return node.this if isinstance(node, exp.TsOrDsToDate | exp.TimeStrToTime) else node


def _unwrapped(node: exp.Expr) -> exp.Expr:
    return date(node.this) if isinstance(node, exp.TsOrDsToDate) else timestamp(node.this)


def _day_of_week(node: exp.Expr) -> exp.Expr:
    """From Sunday, which is 1."""
    return cast(
        exp.paren(exp.Add(this=call("DAYOFWEEK", date(_bare(node.this))), expression=exp.Literal.number(1))), "INT"
    )


def _weekday(node: exp.Expr) -> exp.Expr:
    """From Monday, which is 0."""
    return cast(
        exp.paren(exp.Sub(this=call("ISODOW", date(node.expressions[0])), expression=exp.Literal.number(1))), "INT"
    )


_OF_TIME = frozenset({"HOUR", "MINUTE", "SECOND"})


def _extract(node: exp.Expr) -> exp.Expr:
    return _field(node.this.name, node.expression)


def _date_part(node: exp.Expr) -> exp.Expr:
    name, value = node.expressions
    return _field(required_text(name, "date_part", "field"), value)


def _field(name: str, value: exp.Expr) -> exp.Expr:
    found = FIELDS.get(name.upper())
    if found is None:
        raise Refused(
            f"Spark knows no field {name[:32]} of a date or a time. Its fields are: {', '.join(sorted(FIELDS))}."
        )
    value = _bare(value)
    if type_of(value) is exp.DType.INTERVAL:
        raise Refused("extract takes dates and times here, no intervals.")
    if found == "SECOND":
        rest = exp.Mod(this=call("EPOCH_US", _minute_of(value)), expression=exp.Literal.number(60 * _SECOND))
        return _decimal_seconds(exp.paren(rest))
    taken = timestamp(value) if found in _OF_TIME else date(value)
    shown: exp.Expr = call(found, taken)
    if found == "DAYOFWEEK":
        shown = exp.paren(exp.Add(this=shown, expression=exp.Literal.number(1)))
    return cast(shown, "INT")


def _minute_of(value: exp.Expr) -> exp.Expr:
    """The time since the day's start, after 1970: a remainder of it is never negative."""
    return call("MAKE_TIMESTAMP", exp.paren(call("MICROSECOND", timestamp(value))))


def _decimal_seconds(rest: exp.Expr) -> exp.Expr:
    return cast(
        exp.paren(
            exp.Mul(this=cast(rest, "DECIMAL(18, 0)"), expression=cast(exp.Literal.string("0.000001"), "DECIMAL(7, 6)"))
        ),
        "DECIMAL(8, 6)",
    )


def _add_days(node: exp.Expr) -> exp.Expr:
    """date_add and date_sub, by whole days."""
    unit = str(node.args["unit"].name).upper() if node.args.get("unit") is not None else "DAY"
    if unit != "DAY":
        raise Refused("date_add moves by days; use + INTERVAL for another unit.")
    if type_of(node.expression) in {exp.DType.BIGINT, exp.DType.DECIMAL, exp.DType.FLOAT, exp.DType.DOUBLE}:
        raise Refused("date_add and date_sub move by a whole number of days (INT); use CAST.")
    return exp.paren(exp.Add(this=date(_bare(node.this)), expression=whole(node.expression)))


def _add_months(node: exp.Expr) -> exp.Expr:
    moved, count = date(node.this), whole(node.expression)
    if once_only(moved, count):
        return from_days(call("spark_add_months", days(node.this), count))
    return repeating(call("spark_months_later", moved, count))


def _date_diff(node: exp.Expr) -> exp.Expr:
    """Whole days."""
    later, earlier = node.this, node.expression
    return cast(call("DATE_DIFF", "day", date(_bare(earlier)), date(_bare(later))), "INT")


_MICROS: Mapping[str, int] = {
    "MICROSECOND": 1,
    "MILLISECOND": 1_000,
    "SECOND": _SECOND,
    "MINUTE": 60 * _SECOND,
    "HOUR": 3_600 * _SECOND,
    "DAY": 86_400 * _SECOND,
    "WEEK": 7 * 86_400 * _SECOND,
}

_MONTHS: Mapping[str, int] = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}


def _timestamp_diff(node: exp.Expr) -> exp.Expr:
    """Only whole units count, whichever of the times is the later."""
    unit = node.args["unit"].name.upper()
    earlier, later = micros(node.expression), micros(node.this)
    if unit in _MICROS:
        between: exp.Expr = exp.paren(exp.Sub(this=later, expression=earlier))
        size = _MICROS[unit]
    elif unit in _MONTHS:
        between = call("spark_whole_months", earlier, later)
        size = _MONTHS[unit]
    else:
        raise Refused(f"Spark knows no unit {unit[:32]}.")
    return exp.paren(exp.IntDiv(this=between, expression=exp.Literal.number(size))) if size > 1 else between


def _last_day(node: exp.Expr) -> exp.Expr:
    return call("LAST_DAY", date(_bare(node.this)))


def _next_day(node: exp.Expr) -> exp.Expr:
    value, name = _bare(node.this), text_of(node.expression)
    if name is None or once_only(value):
        return from_days(call("spark_next_day", days(value), text(node.expression)))
    weekday = calendar.weekday_named(name)
    if weekday is None:
        return cast(exp.Null(), "DATE")
    later = call("spark_days_to", date(value.copy()), weekday)
    return repeating(exp.paren(exp.Add(this=date(value), expression=cast(later, "INT"))))


def _months_between(node: exp.Expr) -> exp.Expr:
    rounded = node.args.get("roundoff") or exp.true()
    if not isinstance(rounded, exp.Boolean) or once_only(node.this, node.expression):
        return call("spark_native_months_between", micros(node.this), micros(node.expression), rounded)
    months = call("spark_months_between", timestamp(node.this), timestamp(node.expression))
    return repeating(call("spark_to_eight_places", months) if rounded.this else months)


def _trunc(node: exp.Expr) -> exp.Expr:
    """`trunc` of a date."""
    value, unit = node.expressions
    name = text_of(unit)
    if name is None:
        return from_days(call("spark_trunc", days(value), text(unit)))
    found = calendar.date_unit(name)
    return cast(exp.Null(), "DATE") if found is None else cast(call("DATE_TRUNC", found, date(value)), "DATE")


def _date_trunc(node: exp.Expr) -> exp.Expr:
    """`date_trunc` of a timestamp."""
    unit, value = node.expressions
    name = text_of(unit)
    if name is None:
        return from_micros(call("spark_date_trunc", micros(value), text(unit)))
    found = calendar.time_unit(name)
    return (
        cast(exp.Null(), "TIMESTAMP")
        if found is None
        else cast(call("DATE_TRUNC", found, timestamp(value)), "TIMESTAMP")
    )


def _since(unit: str) -> Rule:
    """unix_seconds and its like: whole units since 1970."""

    def rule(node: exp.Expr) -> exp.Expr:
        if type_of(node.this) not in _TIMES | {exp.DType.NULL}:
            raise Refused("unix_seconds and its like take a TIMESTAMP; use CAST, or unix_timestamp.")
        epoch = cast(exp.Literal.string("1970-01-01"), "TIMESTAMP")
        return call("DATE_DIFF", unit, epoch, timestamp(node.this))

    return rule


def _timestamp_of(factor: int) -> Rule:
    """timestamp_seconds and its like: fractions of a microsecond are cut off."""

    def rule(node: exp.Expr) -> exp.Expr:
        value = node.expressions[0]
        if type_of(value) in {exp.DType.FLOAT, exp.DType.DOUBLE, exp.DType.DECIMAL}:
            if factor != _SECOND:
                raise Refused("timestamp_millis and timestamp_micros take whole numbers.")
            scaled = call("TRUNC", exp.Mul(this=exp.paren(value), expression=exp.Literal.number(factor)))
            return from_micros(cast(scaled, "BIGINT", safe=True))
        if is_text(value):
            raise Refused("timestamp_seconds and its like take numbers.")
        return from_micros(exp.paren(exp.Mul(this=long(value), expression=exp.Literal.number(factor))))

    return rule


def _unix_date(node: exp.Expr) -> exp.Expr:
    if type_of(node.this) not in {exp.DType.DATE, exp.DType.NULL}:
        raise Refused("unix_date takes a DATE; use CAST.")
    return days(node.this)


def _date_from_unix_date(node: exp.Expr) -> exp.Expr:
    return from_days(whole(node.this))


def _make_date(node: exp.Expr) -> exp.Expr:
    return from_days(call("spark_make_date", *(whole(part) for part in node.expressions)))


def _make_timestamp(node: exp.Expr) -> exp.Expr:
    names = ("year", "month", "day", "hour", "min")
    if node.args.get("zone") is not None or node.args.get("milli") is not None or node.args.get("nano") is not None:
        raise Refused("make_timestamp takes six numbers here, no zone.")
    seconds = cast(cast(node.args["sec"], "DECIMAL(16, 6)", safe=True), "DECIMAL(38, 6)")
    scaled = cast(exp.paren(exp.Mul(this=seconds, expression=exp.Literal.number(_SECOND))), "INT", safe=True)
    return from_micros(call("spark_make_timestamp", *(whole(node.args[name]) for name in names), scaled))


def _zoned(native: str) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr:
        name = required_text(node.args["zone"], "from_utc_timestamp and to_utc_timestamp", "zone")
        try:
            zones.zone(name)
        except ValueError:
            raise Refused(f"Spark knows no time zone {name[:64]}.") from None
        value = node.this.this if isinstance(node.this, exp.Cast) else node.this
        return from_micros(call(native, micros(value), name))

    return rule


RULES: Mapping[type[exp.Expr], Rule] = {
    exp.TsOrDsToDate: _unwrapped,
    exp.TimeStrToTime: _unwrapped,
    exp.Year: _part("YEAR"),
    exp.Quarter: _part("QUARTER"),
    exp.Month: _part("MONTH"),
    exp.Day: _part("DAY"),
    exp.DayOfMonth: _part("DAY"),
    exp.DayOfYear: _part("DAYOFYEAR"),
    exp.WeekOfYear: _part("WEEK"),
    exp.DayOfWeek: _day_of_week,
    exp.Hour: _part("HOUR", of_time=True),
    exp.Minute: _part("MINUTE", of_time=True),
    exp.Second: _part("SECOND", of_time=True),
    exp.Extract: _extract,
    exp.TsOrDsAdd: _add_days,
    exp.AddMonths: _add_months,
    exp.DateDiff: _date_diff,
    exp.TimestampDiff: _timestamp_diff,
    exp.LastDay: _last_day,
    exp.NextDay: _next_day,
    exp.MonthsBetween: _months_between,
    exp.UnixSeconds: _since("second"),
    exp.UnixMillis: _since("millisecond"),
    exp.UnixMicros: _since("microsecond"),
    exp.UnixDate: _unix_date,
    exp.DateFromUnixDate: _date_from_unix_date,
    exp.TimestampFromParts: _make_timestamp,
    exp.AtTimeZone: _zoned("spark_from_utc"),
    exp.FromTimeZone: _zoned("spark_to_utc"),
}
NAMED: Mapping[str, Rule] = arguments.rules(
    FUNCTIONS,
    {
        "WEEKDAY": _weekday,
        "DATE_PART": _date_part,
        "DATEPART": _date_part,
        "TRUNC": _trunc,
        "DATE_TRUNC": _date_trunc,
        "TIMESTAMP_SECONDS": _timestamp_of(_SECOND),
        "TIMESTAMP_MILLIS": _timestamp_of(1_000),
        "TIMESTAMP_MICROS": _timestamp_of(1),
        "MAKE_DATE": _make_date,
    },
)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
