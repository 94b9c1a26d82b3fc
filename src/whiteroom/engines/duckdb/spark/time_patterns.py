"""Times written and read by a pattern: date_format, to_date, to_timestamp, unix_timestamp and their like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from whiteroom.engines.duckdb.spark import arguments
from whiteroom.engines.duckdb.spark.arguments import date, from_micros, joined, long, micros, text, timestamp
from whiteroom.engines.duckdb.spark.building import call, cast, once_only, repeating
from whiteroom.engines.duckdb.spark.java import patterns, time_reading, time_writing
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.arguments import is_text, required_text
from whiteroom.sql.spark.building import Rule, type_of
from whiteroom.sql.spark.time_patterns import FUNCTIONS

DEFAULT_PATTERN = "yyyy-MM-dd HH:mm:ss"

_TIMES = frozenset({exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.TIMESTAMPLTZ, exp.DType.TIMESTAMPNTZ})

_SECOND = 1_000_000


def _pattern(node: exp.Expr, function: str, *, parsing: bool) -> str:
    found = required_text(node, function, "pattern")
    try:
        patterns.compiled(found, parsing=parsing)
        if parsing:
            time_reading.check_parsing(found)
    except patterns.BadPattern as error:
        raise Refused(f"The pattern of {function} cannot be used: {error}.") from None
    return found


def _date_format(node: exp.Expr) -> exp.Expr:
    value, pattern = timestamp(node.expressions[0]), _pattern(node.expressions[1], "date_format", parsing=False)
    words = time_writing.strftime(pattern)
    if words is None or once_only(value):
        return call("spark_date_format", micros(value), pattern)
    return repeating(call("spark_written_time", value, _written(value, words), pattern))


def _written(value: exp.Expr, words: Sequence[tuple[str, int]]) -> exp.Expr:
    """What strftime writes, one after the other, each without so many of its last characters."""
    parts = [(call("STRFTIME", value.copy(), text), cut) for text, cut in words]
    return joined([call("LEFT", part, -cut) if cut else part for part, cut in parts])


def _from_unixtime(node: exp.Expr) -> exp.Expr:
    seconds, *pattern = node.expressions
    chosen = _pattern(pattern[0], "from_unixtime", parsing=False) if pattern else DEFAULT_PATTERN
    value, words = long(seconds), time_writing.strftime(chosen)
    if words is None or once_only(value):
        return call("spark_from_unixtime", value, chosen)
    written = _written(call("spark_time_of_seconds", value), words)
    return repeating(call("spark_written_seconds", value, written, chosen))


def _parsed(value: exp.Expr, pattern: exp.Expr, function: str) -> exp.Expr:
    taken, chosen = text(value), _pattern(pattern, function, parsing=True)
    quick = time_reading.strptime(chosen)
    if quick is None or once_only(taken):
        return call("spark_parse_time", taken, chosen)
    return repeating(call("spark_read_time", taken, *quick, chosen))


def _to_date(node: exp.Expr) -> exp.Expr:
    value, *pattern = node.expressions
    if not pattern or type_of(value) in _TIMES | {exp.DType.DATE}:
        return date(value)
    return cast(from_micros(_parsed(value, pattern[0], "to_date")), "DATE")


def _to_timestamp(node: exp.Expr) -> exp.Expr:
    value, *pattern = node.expressions
    if not pattern or type_of(value) in _TIMES | {exp.DType.DATE}:
        return timestamp(value) if pattern or is_text(value) else arguments.converted(value, "TIMESTAMP")
    if not is_text(value):
        raise Refused("to_timestamp takes a text beside its pattern; cast the number to STRING.")
    return from_micros(_parsed(value, pattern[0], "to_timestamp"))


def _try_to_timestamp(node: exp.Expr) -> exp.Expr:
    value, *pattern = node.expressions
    if not pattern or not is_text(value):
        return timestamp(value)
    return from_micros(call("TRY", _parsed(value, pattern[0], "try_to_timestamp")))


def _unix_timestamp(node: exp.Expr) -> exp.Expr:
    if not node.expressions:
        raise Refused("unix_timestamp() without an argument tells the time, which is another at every run.")
    value, *pattern = node.expressions
    chosen = pattern[0] if pattern else exp.Literal.string(DEFAULT_PATTERN)
    found = _parsed(value, chosen, "unix_timestamp") if is_text(value) else micros(value)
    return _seconds(found)


def _seconds(found: exp.Expr) -> exp.Expr:
    """Whole seconds, cut towards 1970."""
    return exp.paren(exp.IntDiv(this=found, expression=exp.Literal.number(_SECOND)))


RULES: Mapping[type[exp.Expr], Rule] = {}
NAMED: Mapping[str, Rule] = arguments.rules(
    FUNCTIONS,
    {
        "DATE_FORMAT": _date_format,
        "FROM_UNIXTIME": _from_unixtime,
        "TO_DATE": _to_date,
        "TO_TIMESTAMP": _to_timestamp,
        "TRY_TO_TIMESTAMP": _try_to_timestamp,
        "UNIX_TIMESTAMP": _unix_timestamp,
        "TO_UNIX_TIMESTAMP": _unix_timestamp,
    },
)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
