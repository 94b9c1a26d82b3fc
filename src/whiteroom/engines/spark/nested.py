"""Arrays, maps and structs: how they are made, and what is taken out of them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark import arguments
from whiteroom.engines.spark.arguments import Function, converted, number_of, text, whole
from whiteroom.engines.spark.building import Rule, call, cast, type_of
from whiteroom.engines.spark.structs import holds_struct
from whiteroom.engines.spark.types import of
from whiteroom.engines.spark.types import widest as widest_type

_KINDS = frozenset({exp.DType.ARRAY, exp.DType.LIST, exp.DType.MAP, exp.DType.STRUCT})


def is_nested(node: exp.Expr) -> bool:
    """Whether a value is an array, a map or a struct."""
    return type_of(node) in _KINDS


def _is_map(node: exp.Expr) -> bool:
    return type_of(node) is exp.DType.MAP


def _inner(node: exp.Expr, place: int) -> exp.DataType | None:
    """What an array holds, or a map's keys (0) or values (1)."""
    parameters = node.type.expressions if node.type is not None else []
    found = parameters[place] if len(parameters) > place else None
    return found if isinstance(found, exp.DataType) else None


def _array_of(inner: exp.DataType | None) -> exp.DataType:
    return exp.DataType(this=exp.DType.ARRAY, expressions=[] if inner is None else [inner.copy()], nested=True)


def _known(node: exp.Expr, function: str) -> exp.Expr:
    """An array or a map that is known to be one.

    Raises:
        Refused: it is none, or nothing says what it is.
    """
    if type_of(node) not in {exp.DType.ARRAY, exp.DType.LIST, exp.DType.MAP}:
        raise Refused(f"{function} takes an array or a map that the query makes itself, by array, map or split.")
    return node


_ALIKE = (
    frozenset({exp.DType.TEXT, exp.DType.VARCHAR, exp.DType.CHAR}),
    frozenset({exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT}),
)


def _same(parts: list[exp.Expr], what: str) -> exp.DataType | None:
    """The type of values that are all of one.

    Raises:
        Refused: they are of several, which Spark would cast.
    """
    kinds = {type_of(part) for part in parts} - {exp.DType.NULL}
    known = len(kinds) <= 1 or any(kinds <= alike for alike in _ALIKE)
    if not known or kinds & {None, exp.DType.UNKNOWN}:
        raise Refused(f"The values of {what} are of several types; cast them to one.")
    if kinds & _KINDS:
        held = widest_type(of(part) for part in parts)
        if held is None:
            raise Refused(f"The values of {what} are of several types; cast them to one.")
        return held
    chosen = [part.type for part in parts if type_of(part) is not exp.DType.NULL]
    widest = [each for each in chosen if each is not None and each.this is exp.DType.INT]
    found = (widest or chosen)[0] if chosen else None
    return found if isinstance(found, exp.DataType) else None


def _array_type(node: exp.Expr) -> exp.DataType | None:
    return _array_of(_same(list(node.expressions), "an array"))


def _array(node: exp.Expr) -> exp.Expr:
    inner = _same(list(node.expressions), "an array")
    made = call("LIST_VALUE", *node.expressions)
    plain = inner is None or not node.expressions or holds_struct(inner)
    return made if inner is None or plain else cast(made, f"{_duckdb(inner)}[]")


def _duckdb(inner: exp.DataType) -> str:
    return str(inner.sql("duckdb"))


def _map_parts(node: exp.Expr) -> tuple[list[exp.Expr], list[exp.Expr]]:
    parts = list(node.expressions)
    if len(parts) % 2 or not parts:
        raise Refused("map takes a value after each key.")
    return parts[::2], parts[1::2]


def _map_type(node: exp.Expr) -> exp.DataType | None:
    keys, values = (_same(each, "a map") for each in _map_parts(node))
    if keys is None or values is None:
        return None
    return exp.DataType(this=exp.DType.MAP, expressions=[keys.copy(), values.copy()], nested=True)


def _map(node: exp.Expr) -> exp.Expr:
    keys, values = _map_parts(node)
    return call("MAP", call("LIST_VALUE", *keys), call("LIST_VALUE", *values))


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
    taken = key if wanted is None or type_of(key) is wanted.this else converted(key, wanted.sql("spark"))
    return call("MAP_EXTRACT_VALUE", value, taken)


def _bracket(node: exp.Expr) -> exp.Expr:
    """a[0] and m['key']."""
    if len(node.expressions) != 1:
        raise Refused("Brackets take one index or one key.")
    value = _known(node.this, "[...]")
    (index,) = node.expressions
    made = _key(value, index) if _is_map(value) else _item(value, index, first=0)
    made.type = _inner(value, 1 if _is_map(value) else 0)
    return made


def _item_type(node: exp.Expr) -> exp.DataType | None:
    value = node.expressions[0]
    return _inner(value, 1 if _is_map(value) else 0)


def _get(node: exp.Expr) -> exp.Expr:
    value, index = node.expressions
    return _item(_known(value, "get"), index, first=0)


def _element_at(node: exp.Expr) -> exp.Expr:
    """From 1, and from the end below it."""
    value, index = node.expressions
    if _is_map(_known(value, "element_at")):
        return _key(value, index)
    if number_of(index) == 0:
        raise Refused("element_at counts from 1.")
    if number_of(index) is None:
        raise Refused("element_at takes its place as a number here; a[i] takes any.")
    return call("LIST_EXTRACT", value, whole(index))


def _size(*, null: bool) -> Rule:
    """`size` of NULL is -1."""

    def rule(node: exp.Expr) -> exp.Expr:
        value = _known(node.expressions[0], "size")
        counted = cast(call("CARDINALITY" if _is_map(value) else "LEN", value), "INT")
        return counted if null else call("COALESCE", counted, -1)

    return rule


def _contains(node: exp.Expr) -> exp.Expr:
    value, wanted = node.expressions
    inner = _inner(_known(value, "array_contains"), 0)
    if inner is None or not any({type_of(wanted), inner.this} <= alike for alike in (*_ALIKE, {inner.this})):
        raise Refused("array_contains looks for a value of the array's own type; cast it.")
    return call("spark_array_contains", value, wanted)


def _join(node: exp.Expr) -> exp.Expr:
    value, separator, *instead = node.expressions
    _known(value, "array_join")
    texts = cast(value, "TEXT[]")
    inner = _inner(value, 0)
    if inner is not None and inner.this not in _ALIKE[0] | _ALIKE[1] | {exp.DType.BIGINT, exp.DType.DATE}:
        raise Refused("array_join takes texts, whole numbers and dates here; cast the values to STRING.")
    if instead:
        return call("spark_join_all", text(separator), texts, text(instead[0]))
    return call("spark_join", text(separator), texts)


def _same_array(node: exp.Expr) -> exp.DataType | None:
    found = node.expressions[0].type
    return found if isinstance(found, exp.DataType) else None


def _sorted(node: exp.Expr) -> exp.Expr:
    """NULL is the least."""
    value, *ascending = node.expressions
    _known(value, "sort_array")
    up = not ascending or (isinstance(ascending[0], exp.Boolean) and bool(ascending[0].this))
    if ascending and not isinstance(ascending[0], exp.Boolean):
        raise Refused("sort_array takes TRUE or FALSE as it stands.")
    return call("LIST_SORT", value, *(("ASC", "NULLS FIRST") if up else ("DESC", "NULLS LAST")))


def _end(name: str) -> Rule:
    return lambda node: call(name, _known(node.expressions[0], "array_max and array_min"))


def _keys_type(place: int) -> arguments.Gives:
    return lambda node: _array_of(_inner(node.expressions[0], place))


def _of_map(name: str) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr:
        if not _is_map(node.expressions[0]):
            raise Refused(f"{name.lower()} takes a map that the query makes itself.")
        return call(name, node.expressions[0])

    return rule


RULES: Mapping[type[exp.Expr], Rule] = {exp.Bracket: _bracket}
FUNCTIONS: Mapping[str, Function] = {
    "ARRAY": Function(1, arguments.MANY, _array_type, _array),
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
