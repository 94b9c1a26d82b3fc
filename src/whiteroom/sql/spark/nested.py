"""The types of arrays and maps, and of what is taken out of them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import arguments, types
from whiteroom.sql.spark.arguments import Function
from whiteroom.sql.spark.building import type_of
from whiteroom.sql.spark.types import UNKNOWN, of


def is_map(node: exp.Expr) -> bool:
    """Whether a value is a map."""
    return type_of(node) is exp.DType.MAP


def inner_type(node: exp.Expr, place: int) -> exp.DataType | None:
    """What an array holds, or a map's keys (0) or values (1)."""
    found = types.inner(of(node), place)
    return None if found == UNKNOWN else found


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
    if is_map(known(node, function)):
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


def map_parts(node: exp.Expr) -> tuple[list[exp.Expr], list[exp.Expr]]:
    """Keys and values of map(...)."""
    parts = list(node.expressions)
    if len(parts) % 2 or not parts:
        raise Refused("map takes a value after each key.")
    return parts[::2], parts[1::2]


def _map_type(node: exp.Expr) -> exp.DataType | None:
    keys, values = (common_type(each, "a map") for each in map_parts(node))
    return types.mapping(keys, values)


def _item_type(node: exp.Expr) -> exp.DataType | None:
    value = node.expressions[0]
    return inner_type(value, 1 if is_map(value) else 0) if types.is_nested(of(value)) else None


def inner(node: exp.Expr) -> exp.DataType:
    """What an array holds."""
    return types.inner(of(node))


def _same_array(node: exp.Expr) -> exp.DataType | None:
    return of(node.expressions[0])


def _keys_type(place: int) -> arguments.Gives:
    return lambda node: types.array(types.inner(of(node.expressions[0]), place))


FUNCTIONS: Mapping[str, Function] = {
    "ARRAY": Function(0, arguments.MANY, _array_type),
    "MAP": Function(2, arguments.MANY, _map_type),
    "GET": Function(2, 2, _item_type),
    "ELEMENT_AT": Function(2, 2, _item_type),
    "TRY_ELEMENT_AT": Function(2, 2, _item_type),
    "SIZE": Function(1, 1, "INT"),
    "CARDINALITY": Function(1, 1, "INT"),
    "ARRAY_SIZE": Function(1, 1, "INT"),
    "ARRAY_CONTAINS": Function(2, 2, "BOOLEAN"),
    "ARRAY_JOIN": Function(2, 3, "STRING"),
    "SORT_ARRAY": Function(1, 2, _same_array),
    "ARRAY_MAX": Function(1, 1, _item_type),
    "ARRAY_MIN": Function(1, 1, _item_type),
    "MAP_KEYS": Function(1, 1, _keys_type(0)),
    "MAP_VALUES": Function(1, 1, _keys_type(1)),
}
