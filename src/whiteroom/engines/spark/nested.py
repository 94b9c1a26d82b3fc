"""Arrays, maps and structs: how they are made, and what is taken out of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from sqlglot import exp

from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark import arguments, types
from whiteroom.engines.spark.arguments import Function, number_of, text, whole
from whiteroom.engines.spark.building import Rule, call, cast, each, type_of
from whiteroom.engines.spark.casts import convert, shaped
from whiteroom.engines.spark.types import NULL, STRING, UNKNOWN, of


def _is_map(node: exp.Expr) -> bool:
    return type_of(node) is exp.DType.MAP


def _inner(node: exp.Expr, place: int) -> exp.DataType | None:
    """What an array holds, or a map's keys (0) or values (1)."""
    found = types.inner(of(node), place)
    return None if found == UNKNOWN else found


Common = Callable[[exp.DataType, exp.DataType], exp.DataType | None]


def known(node: exp.Expr, function: str) -> exp.Expr:
    """An array or a map that is known to be one.

    Raises:
        Refused: it is none, or nothing says what it is.
    """
    if type_of(node) not in {exp.DType.ARRAY, exp.DType.LIST, exp.DType.MAP}:
        raise Refused(f"{function} takes an array or a map that the query makes itself, by array, map or split.")
    return node


def known_array(node: exp.Expr, function: str) -> exp.Expr:
    """The same of an array."""
    if _is_map(known(node, function)):
        raise Refused(f"{function} takes an array, and no map.")
    return node


def common_type(parts: list[exp.Expr], what: str, *, text: bool = True) -> exp.DataType:
    """The one type that Spark gives to all of them.

    Raises:
        Refused: there is none, or nothing says what they are.
    """
    found = types.widest([of(part) for part in parts], text=text)
    if found is None or types.has_unknown(found):
        raise Refused(f"The values of {what} are of several types; cast them to one.")
    return found


def _array_type(node: exp.Expr) -> exp.DataType | None:
    return types.array(common_type(list(node.expressions), "an array"))


def _array(node: exp.Expr) -> exp.Expr:
    inner = common_type(list(node.expressions), "an array")
    made = call("LIST_VALUE", *(convert(part, inner) for part in node.expressions))
    return shaped(made, types.array(inner))


def _map_parts(node: exp.Expr) -> tuple[list[exp.Expr], list[exp.Expr]]:
    parts = list(node.expressions)
    if len(parts) % 2 or not parts:
        raise Refused("map takes a value after each key.")
    return parts[::2], parts[1::2]


def _map_type(node: exp.Expr) -> exp.DataType | None:
    keys, values = (common_type(each, "a map") for each in _map_parts(node))
    return types.mapping(keys, values)


def _map(node: exp.Expr) -> exp.Expr:
    return call("MAP", *map(_listed, _map_parts(node)))


def _listed(parts: list[exp.Expr]) -> exp.Expr:
    kind = common_type(parts, "a map")
    return shaped(call("LIST_VALUE", *(convert(part, kind) for part in parts)), types.array(kind))


def _item(value: exp.Expr, index: exp.Expr, *, first: int) -> exp.Expr:
    """One value of an array, counted from `first`; NULL where there is none of that number."""
    if arguments.is_text(index):
        raise Refused("An array takes a number in [...], no text.")
    found = number_of(index)
    if found is not None:
        place = found - first + 1
        return call("LIST_EXTRACT", value, max(place, 0))
    moved = exp.Add(this=whole(index), expression=exp.Literal.number(1 - first)) if first != 1 else whole(index)
    # GREATEST passes over NULL, and nothing is at 0.
    return call("LIST_EXTRACT", value, call("GREATEST", exp.paren(moved), 0))


def _key(value: exp.Expr, key: exp.Expr) -> exp.Expr:
    wanted = _inner(value, 0)
    return call("MAP_EXTRACT_VALUE", value, key if wanted is None else convert(key, wanted))


def _bracket(node: exp.Expr) -> exp.Expr:
    """a[0] and m['key']."""
    if len(node.expressions) != 1:
        raise Refused("Brackets take one index or one key.")
    value = known(node.this, "[...]")
    (index,) = node.expressions
    made = _key(value, index) if _is_map(value) else _item(value, index, first=0)
    made.type = _inner(value, 1 if _is_map(value) else 0)
    return made


def _item_type(node: exp.Expr) -> exp.DataType | None:
    value = node.expressions[0]
    return _inner(value, 1 if _is_map(value) else 0)


def _get(node: exp.Expr) -> exp.Expr:
    value, index = node.expressions
    return _item(known(value, "get"), index, first=0)


def _element_at(node: exp.Expr) -> exp.Expr:
    """From 1, and from the end below it."""
    value, index = node.expressions
    if _is_map(known(value, "element_at")):
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
        counted = cast(call("CARDINALITY" if _is_map(value) else "LEN", value), "INT")
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


def inner(node: exp.Expr) -> exp.DataType:
    """What an array holds."""
    return types.inner(of(node))


def _join(node: exp.Expr) -> exp.Expr:
    value, separator, *instead = node.expressions
    texts = convert(known_array(value, "array_join"), types.array(STRING))
    if instead:
        return call("spark_join_all", text(separator), texts, text(instead[0]))
    return call("spark_join", text(separator), texts)


def _same_array(node: exp.Expr) -> exp.DataType | None:
    return of(node.expressions[0])


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


def _keys_type(place: int) -> arguments.Gives:
    return lambda node: types.array(types.inner(of(node.expressions[0]), place))


def _of_map(name: str) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr:
        if not _is_map(node.expressions[0]):
            raise Refused(f"{name.lower()} takes a map that the query makes itself.")
        return call(name, node.expressions[0])

    return rule


RULES: Mapping[type[exp.Expr], Rule] = {exp.Bracket: _bracket}
FUNCTIONS: Mapping[str, Function] = {
    "ARRAY": Function(0, arguments.MANY, _array_type, _array),
    "MAP": Function(2, arguments.MANY, _map_type, _map),
    "GET": Function(2, 2, _item_type, _get),
    "ELEMENT_AT": Function(2, 2, _item_type, _element_at),
    "TRY_ELEMENT_AT": Function(2, 2, _item_type, _element_at),
    "SIZE": Function(1, 1, "INT", _size(null=False)),
    "CARDINALITY": Function(1, 1, "INT", _size(null=False)),
    "ARRAY_SIZE": Function(1, 1, "INT", _size(null=True)),
    "ARRAY_CONTAINS": Function(2, 2, "BOOLEAN", _contains),
    "ARRAY_JOIN": Function(2, 3, "STRING", _join),
    "SORT_ARRAY": Function(1, 2, _same_array, _sorted),
    "ARRAY_MAX": Function(1, 1, _item_type, _end("LIST_MAX")),
    "ARRAY_MIN": Function(1, 1, _item_type, _end("LIST_MIN")),
    "MAP_KEYS": Function(1, 1, _keys_type(0), _of_map("MAP_KEYS")),
    "MAP_VALUES": Function(1, 1, _keys_type(1), _of_map("MAP_VALUES")),
}
NAMED: Mapping[str, Rule] = arguments.rules(FUNCTIONS)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
