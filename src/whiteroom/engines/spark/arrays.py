"""Functions of arrays: what DuckDB answers otherwise than Spark, or lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark import arguments, types
from whiteroom.engines.spark.arguments import Function, days, from_days, from_micros, micros, whole
from whiteroom.engines.spark.building import Rule, TypeRule, call, cast, each
from whiteroom.engines.spark.casts import convert, duckdb_type, shaped
from whiteroom.engines.spark.nested import (
    common_type,
    element_of,
    inner,
    known_array,
    sorted_array,
)
from whiteroom.engines.spark.types import BIGINT, BINARY, DATE, INT, STRING, TIMESTAMP, UNKNOWN, of

MAX_VALUES = 10_000_000
"""Of one array that a function makes as long as it is told."""


def _same(node: exp.Expr) -> exp.DataType:
    """The type of the first argument."""
    return of(node.expressions[0])


def _of_array(name: str, macro: str) -> Rule:
    """A function of one array."""
    return lambda node: call(macro, known_array(node.expressions[0], name))


def _two_type(node: exp.Expr) -> exp.DataType:
    found = types.tightest(*map(of, node.expressions))
    return UNKNOWN if found is None else found


def _two(name: str, macro: str) -> Rule:
    """A function of two arrays of one type."""

    def rule(node: exp.Expr) -> exp.Expr:
        parts = [known_array(part, name) for part in node.expressions]
        kind = _two_type(node)
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


def _element_type(node: exp.Expr) -> exp.DataType:
    return types.array(_wider_of(node))


def _wider_of(node: exp.Expr) -> exp.DataType:
    value, added = node.expressions[0], node.expressions[-1]
    return types.tightest(inner(value), of(added)) or UNKNOWN


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


def _flatten_type(node: exp.Expr) -> exp.DataType:
    found = inner(node.expressions[0])
    if not types.is_array(found):
        raise Refused("flatten takes an array of arrays.")
    return found


def _repeat_type(node: exp.Expr) -> exp.DataType:
    return types.array(of(node.expressions[0]))


def _repeat(node: exp.Expr) -> exp.Expr:
    value, times = node.expressions
    common_type([value], "array_repeat")
    return shaped(call("spark_array_repeat", value, whole(times)), _repeat_type(node))


def _array_sort(node: exp.Expr) -> exp.Expr:
    return sorted_array(known_array(node.expressions[0], "array_sort"), up=True, nulls_first=False)


# Sequences


def _sequence_type(node: exp.Expr) -> exp.DataType:
    start, stop = of(node.expressions[0]), of(node.expressions[1])
    if types.is_integer(start) and types.is_integer(stop):
        kinds = [of(part) for part in node.expressions]
        return types.array(types.widest(kinds) or UNKNOWN)
    if DATE in (start, stop) or TIMESTAMP in (start, stop):
        return types.array(types.tightest(start, stop) or UNKNOWN)
    return UNKNOWN


def _sequence(node: exp.Expr) -> exp.Expr:
    """From the first to the last, both included."""
    kind = types.inner(_sequence_type(node))
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
    number = arguments.number_of(node.this)
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


# What takes texts as well


def _reverse_type(node: exp.Expr) -> exp.DataType:
    return of(node.this) if types.is_array(of(node.this)) else STRING


def _concat_type(node: exp.Expr) -> exp.DataType:
    parts = node.expressions if isinstance(node, exp.Concat) else [node.this, node.expression]
    return joined_type(parts)


def joined_type(parts: list[exp.Expr]) -> exp.DataType:
    """The type of concat: arrays are put behind one another, and texts or bytes.

    Raises:
        Refused: arrays and something else.
    """
    kinds = [of(part) for part in parts]
    if any(map(types.is_array, kinds)):
        found = types.widest(kinds)
        if found is None:
            raise Refused("concat takes arrays of one type, or texts. Cast the values to one type.")
        return found
    return BINARY if kinds and all(kind == BINARY for kind in kinds) else STRING


TYPES: Mapping[type[exp.Expr], TypeRule] = {
    exp.Reverse: _reverse_type,
    exp.Concat: _concat_type,
    exp.DPipe: _concat_type,
}
NAMED_TYPES: Mapping[str, TypeRule] = {}
RULES: Mapping[type[exp.Expr], Rule] = {}
_SETS: Mapping[str, Callable[[exp.Expr], exp.Expr | None]] = {
    "ARRAY_UNION": _two("array_union", "spark_array_union"),
    "ARRAY_INTERSECT": _two("array_intersect", "spark_array_intersect"),
    "ARRAY_EXCEPT": _two("array_except", "spark_array_except"),
}
FUNCTIONS: Mapping[str, Function] = {
    **{name: Function(2, 2, _two_type, rule) for name, rule in _SETS.items()},
    "ARRAYS_OVERLAP": Function(2, 2, "BOOLEAN", _two("arrays_overlap", "spark_arrays_overlap")),
    "ARRAY_DISTINCT": Function(1, 1, _same, _distinct),
    "ARRAY_COMPACT": Function(1, 1, _same, _of_array("array_compact", "spark_array_compact")),
    "ARRAY_POSITION": Function(2, 2, "BIGINT", _element("array_position", "spark_array_position")),
    "ARRAY_REMOVE": Function(2, 2, _element_type, _element("array_remove", "spark_array_remove")),
    "ARRAY_APPEND": Function(2, 2, _element_type, _added("array_append", first=False)),
    "ARRAY_PREPEND": Function(2, 2, _element_type, _added("array_prepend", first=True)),
    "ARRAY_INSERT": Function(3, 3, _element_type, _insert),
    "ARRAY_REPEAT": Function(2, 2, _repeat_type, _repeat),
    "ARRAY_SORT": Function(1, 1, _same, _array_sort),
    "SLICE": Function(3, 3, _same, _slice),
    "FLATTEN": Function(1, 1, _flatten_type, _of_array("flatten", "spark_flatten")),
    "SEQUENCE": Function(2, 3, _sequence_type, _sequence),
}
NAMED: Mapping[str, Rule] = arguments.rules(FUNCTIONS)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
