"""Arrays, maps and structs: how they are made, and what is taken out of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from sqlglot import exp

from whiteroom.engines.duckdb.spark import arguments
from whiteroom.engines.duckdb.spark.arguments import text, whole
from whiteroom.engines.duckdb.spark.building import call, cast, each
from whiteroom.engines.duckdb.spark.casts import convert, shaped
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import types
from whiteroom.sql.spark.arguments import is_text, number_of
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.nested import FUNCTIONS, common_type, inner, inner_type, is_map, known, known_array, map_parts
from whiteroom.sql.spark.types import NULL, STRING, of

Common = Callable[[exp.DataType, exp.DataType], exp.DataType | None]


def _array(node: exp.Expr) -> exp.Expr:
    inner = common_type(list(node.expressions), "an array")
    made = call("LIST_VALUE", *(convert(part, inner) for part in node.expressions))
    return shaped(made, types.array(inner))


def _map(node: exp.Expr) -> exp.Expr:
    return call("MAP", *map(_listed, map_parts(node)))


def _listed(parts: list[exp.Expr]) -> exp.Expr:
    kind = common_type(parts, "a map")
    return shaped(call("LIST_VALUE", *(convert(part, kind) for part in parts)), types.array(kind))


def _item(value: exp.Expr, index: exp.Expr, *, first: int) -> exp.Expr:
    """One value of an array, counted from `first`; NULL where there is none of that number."""
    if is_text(index):
        raise Refused("An array takes a number in [...], no text.")
    found = number_of(index)
    if found is not None:
        place = found - first + 1
        return call("LIST_EXTRACT", value, max(place, 0))
    moved = exp.Add(this=whole(index), expression=exp.Literal.number(1 - first)) if first != 1 else whole(index)
    # GREATEST passes over NULL, and nothing is at 0.
    return call("LIST_EXTRACT", value, call("GREATEST", exp.paren(moved), 0))


def _key(value: exp.Expr, key: exp.Expr) -> exp.Expr:
    wanted = inner_type(value, 0)
    return call("MAP_EXTRACT_VALUE", value, key if wanted is None else convert(key, wanted))


def _bracket(node: exp.Expr) -> exp.Expr:
    """a[0] and m['key']."""
    if len(node.expressions) != 1:
        raise Refused("Brackets take one index or one key.")
    value = known(node.this, "[...]")
    (index,) = node.expressions
    made = _key(value, index) if is_map(value) else _item(value, index, first=0)
    made.type = inner_type(value, 1 if is_map(value) else 0)
    return made


def _get(node: exp.Expr) -> exp.Expr:
    value, index = node.expressions
    return _item(known(value, "get"), index, first=0)


def _element_at(node: exp.Expr) -> exp.Expr:
    """From 1, and from the end below it."""
    value, index = node.expressions
    if is_map(known(value, "element_at")):
        return _key(value, index)
    if number_of(index) == 0:
        raise Refused("element_at counts from 1.")
    if number_of(index) is None:
        raise Refused("element_at takes its place as a number here; a[i] takes any.")
    return call("LIST_EXTRACT", value, whole(index))


def _size(*, null: bool) -> Rule:
    """`size` of NULL is -1."""

    def rule(node: exp.Expr) -> exp.Expr:
        if not null and of(node.expressions[0]) == NULL:
            return call("COALESCE", node.expressions[0], -1)
        value = known(node.expressions[0], "size")
        counted = cast(call("CARDINALITY" if is_map(value) else "LEN", value), "INT")
        return counted if null else call("COALESCE", counted, -1)

    return rule


def _contains(node: exp.Expr) -> exp.Expr:
    value, wanted = element_of(node, "array_contains", partial(types.wider, text=False))
    return call("spark_array_contains", value, wanted)


def element_of(node: exp.Expr, function: str, rule: Common = types.tightest) -> tuple[exp.Expr, exp.Expr]:
    """An array and one value more, both in the one type that Spark gives them by a rule."""
    value, wanted = node.expressions[0], node.expressions[-1]
    if inner(known_array(value, function)) == NULL:
        value = convert(value, types.array(of(wanted)))
    kind = rule(inner(value), of(wanted))
    if kind is None or types.has_unknown(kind):
        raise Refused(f"{function} takes a value of the array's own type; cast it.")
    return convert(value, types.array(kind)), convert(wanted, kind)


def _join(node: exp.Expr) -> exp.Expr:
    value, separator, *instead = node.expressions
    texts = convert(known_array(value, "array_join"), types.array(STRING))
    if instead:
        return call("spark_join_all", text(separator), texts, text(instead[0]))
    return call("spark_join", text(separator), texts)


def _sorted(node: exp.Expr) -> exp.Expr:
    """NULL is the least."""
    value, *ascending = node.expressions
    if ascending and not isinstance(ascending[0], exp.Boolean):
        raise Refused("sort_array takes TRUE or FALSE as it stands.")
    up = not ascending or bool(ascending[0].this)
    return sorted_array(known_array(value, "sort_array"), up=up, nulls_first=up)


def sorted_array(value: exp.Expr, *, up: bool, nulls_first: bool) -> exp.Expr:
    """The values of an array in Spark's order.

    Raises:
        Refused: Spark does not sort what it holds.
    """
    kind = inner(value)
    if types.has_map(kind):
        raise Refused("Spark does not sort maps, nor what holds them.")
    if types.holds_struct(kind):
        raise Refused("Structs are compared by = and put in no order here. Sort an array of one of their fields.")
    order = ("ASC" if up else "DESC", "NULLS FIRST" if nulls_first else "NULLS LAST")
    if not types.is_nested(kind):
        return call("LIST_SORT", value, *order)

    def with_key(each_value: exp.Expr) -> exp.Expr:
        missing = exp.paren(exp.Is(this=each_value.copy(), expression=exp.Null()))
        flag = missing if up is not nulls_first else exp.paren(exp.Not(this=missing))
        return call("ROW", flag, order_key(each_value.copy(), kind), each_value)

    rows = call("LIST_SORT", each(value, with_key, kind), order[0], "NULLS LAST")
    return each(rows, lambda row: call("STRUCT_EXTRACT_AT", row, 3))


def order_key(node: exp.Expr, kind: exp.DataType) -> exp.Expr:
    """What DuckDB compares as Spark compares a value: in an array, NULL is the least, and equal to NULL."""
    if not types.is_array(kind):
        return node

    def key(value: exp.Expr) -> exp.Expr:
        there = exp.paren(exp.Not(this=exp.Is(this=value.copy(), expression=exp.Null())))
        return call("ROW", there, order_key(value, types.inner(kind)))

    return each(node, key, types.inner(kind))


def _end(name: str) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr:
        value = known_array(node.expressions[0], "array_max and array_min")
        if types.is_nested(inner(value)):
            raise Refused("array_max and array_min take arrays of values that are no arrays here; use sort_array.")
        return call(name, value)

    return rule


def _of_map(name: str) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr:
        if not is_map(node.expressions[0]):
            raise Refused(f"{name.lower()} takes a map that the query makes itself.")
        return call(name, node.expressions[0])

    return rule


RULES: Mapping[type[exp.Expr], Rule] = {exp.Bracket: _bracket}
NAMED: Mapping[str, Rule] = arguments.rules(
    FUNCTIONS,
    {
        "ARRAY": _array,
        "MAP": _map,
        "GET": _get,
        "ELEMENT_AT": _element_at,
        "TRY_ELEMENT_AT": _element_at,
        "SIZE": _size(null=False),
        "CARDINALITY": _size(null=False),
        "ARRAY_SIZE": _size(null=True),
        "ARRAY_CONTAINS": _contains,
        "ARRAY_JOIN": _join,
        "SORT_ARRAY": _sorted,
        "ARRAY_MAX": _end("LIST_MAX"),
        "ARRAY_MIN": _end("LIST_MIN"),
        "MAP_KEYS": _of_map("MAP_KEYS"),
        "MAP_VALUES": _of_map("MAP_VALUES"),
    },
)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
