"""Functions of arrays: what DuckDB answers otherwise than Spark, or lacks."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark import arguments
from whiteroom.engines.duckdb.spark.arguments import days, from_days, from_micros, micros, whole
from whiteroom.engines.duckdb.spark.building import call, cast, each
from whiteroom.engines.duckdb.spark.casts import convert, duckdb_type, shaped
from whiteroom.engines.duckdb.spark.nested import element_of, sorted_array
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import types
from whiteroom.sql.spark.arguments import number_of
from whiteroom.sql.spark.arrays import FUNCTIONS, repeat_type, sequence_type, two_type
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.nested import common_type, known_array
from whiteroom.sql.spark.types import BIGINT, DATE, INT, TIMESTAMP, of

MAX_VALUES = 10_000_000
"""The longest array that a function may make where an argument says how long it is."""


def _of_array(name: str, macro: str) -> Rule:
    """A function of one array."""
    return lambda node: call(macro, known_array(node.expressions[0], name))


def _two(name: str, macro: str) -> Rule:
    """A function of two arrays of one type."""

    def rule(node: exp.Expr) -> exp.Expr:
        parts = [known_array(part, name) for part in node.expressions]
        kind = two_type(node)
        if types.has_unknown(kind):
            raise Refused(f"{name} takes two arrays of one type. Cast the values to one type.")
        _comparable(kind, name)
        return call(macro, *(convert(part, kind) for part in parts))

    return rule


def _comparable(kind: exp.DataType, name: str) -> None:
    if types.has_map(kind):
        raise Refused(f"{name} takes no maps: Spark does not compare them.")


def _distinct(node: exp.Expr) -> exp.Expr:
    value = known_array(node.expressions[0], "array_distinct")
    _comparable(of(value), "array_distinct")
    return call("spark_array_distinct", value)


def _element(name: str, macro: str) -> Rule:
    """A function of an array and a value that is looked for in it."""

    def rule(node: exp.Expr) -> exp.Expr:
        value, wanted = element_of(node, name)
        _comparable(of(value), name)
        return call(macro, value, wanted)

    return rule


def _added(name: str, *, first: bool) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr:
        value, added = element_of(node, name)
        one = call("LIST_VALUE", added)
        pair = (one, value) if first else (value, one)
        return exp.paren(exp.DPipe(this=pair[0], expression=pair[1], safe=True))

    return rule


def _insert(node: exp.Expr) -> exp.Expr:
    value, added = element_of(node, "array_insert")
    return call("spark_array_insert", value, whole(node.expressions[1]), added)


def _slice(node: exp.Expr) -> exp.Expr:
    value, start, length = node.expressions
    return call("spark_slice", known_array(value, "slice"), whole(start), whole(length))


def _repeat(node: exp.Expr) -> exp.Expr:
    value, times = node.expressions
    common_type([value], "array_repeat")
    return shaped(call("spark_array_repeat", value, whole(times)), repeat_type(node))


def _array_sort(node: exp.Expr) -> exp.Expr:
    return sorted_array(known_array(node.expressions[0], "array_sort"), up=True, nulls_first=False)


def _sequence(node: exp.Expr) -> exp.Expr:
    """From the first to the last, both included."""
    kind = types.inner(sequence_type(node))
    parts: list[exp.Expr] = list(node.expressions)
    if types.is_integer(kind):
        step = [cast(convert(part, BIGINT), "BIGINT") for part in parts[2:]]
        ends = [cast(convert(part, BIGINT), "BIGINT") for part in parts[:2]]
        made = call("spark_sequence_by" if step else "spark_sequence", *ends, *step)
        return cast(made, f"{duckdb_type(kind)}[]")
    if kind not in (DATE, TIMESTAMP):
        raise Refused("sequence takes whole numbers, or dates or times and an INTERVAL.")
    months, part = _step(parts[2] if len(parts) > 2 else None, kind)
    if kind == DATE:
        found = call("spark_sequence_days", *map(days, parts[:2]), months, part)
        return each(found, from_days, INT)
    found = call("spark_sequence_micros", *map(micros, parts[:2]), months, cast(_number(part), "BIGINT"))
    return each(found, from_micros, BIGINT)


_MICROS = {
    "MICROSECOND": 1,
    "MILLISECOND": 1_000,
    "SECOND": 1_000_000,
    "MINUTE": 60_000_000,
    "HOUR": 3_600_000_000,
    "DAY": 86_400_000_000,
    "WEEK": 7 * 86_400_000_000,
}

_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}

_DAY = _MICROS["DAY"]


def _step(node: exp.Expr | None, kind: exp.DataType) -> tuple[int, int]:
    """Months, and days of dates or microseconds of times; nothing of either: a day, up or down.

    Raises:
        Refused: it is no interval as it stands.
    """
    if node is None:
        return 0, 0
    unit = str(node.args.get("unit") or "").upper().removesuffix("S")
    number = number_of(node.this)
    if number is None and isinstance(node.this, exp.Literal):
        number = int(node.this.this) if node.this.this.removeprefix("-").isdigit() else None
    if not isinstance(node, exp.Interval) or number is None or not number:
        raise Refused("sequence takes its step of dates and times as an INTERVAL of a number and a unit.")
    if unit in _MONTHS:
        return number * _MONTHS[unit], 0
    if unit not in _MICROS or (kind == DATE and _MICROS[unit] < _DAY):
        raise Refused(f"sequence takes no step of {unit or 'that'} here.")
    return 0, number * _MICROS[unit] // (_DAY if kind == DATE else 1)


def _number(value: int) -> exp.Expr:
    return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))


RULES: Mapping[type[exp.Expr], Rule] = {}
NAMED: Mapping[str, Rule] = arguments.rules(
    FUNCTIONS,
    {
        "ARRAY_UNION": _two("array_union", "spark_array_union"),
        "ARRAY_INTERSECT": _two("array_intersect", "spark_array_intersect"),
        "ARRAY_EXCEPT": _two("array_except", "spark_array_except"),
        "ARRAYS_OVERLAP": _two("arrays_overlap", "spark_arrays_overlap"),
        "ARRAY_DISTINCT": _distinct,
        "ARRAY_COMPACT": _of_array("array_compact", "spark_array_compact"),
        "ARRAY_POSITION": _element("array_position", "spark_array_position"),
        "ARRAY_REMOVE": _element("array_remove", "spark_array_remove"),
        "ARRAY_APPEND": _added("array_append", first=False),
        "ARRAY_PREPEND": _added("array_prepend", first=True),
        "ARRAY_INSERT": _insert,
        "ARRAY_REPEAT": _repeat,
        "ARRAY_SORT": _array_sort,
        "SLICE": _slice,
        "FLATTEN": _of_array("flatten", "spark_flatten"),
        "SEQUENCE": _sequence,
    },
)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
