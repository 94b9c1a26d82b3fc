"""Functions that make maps, and ask for keys."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark import arguments, regex, types
from whiteroom.engines.spark.arguments import MANY, Function, text
from whiteroom.engines.spark.building import Rule, call, type_of
from whiteroom.engines.spark.casts import convert
from whiteroom.engines.spark.nested import common_type, inner, known_array
from whiteroom.engines.spark.types import NULL, of


def known_map(node: exp.Expr, function: str) -> exp.Expr:
    """A map that is known to be one.

    Raises:
        Refused: it is none, or nothing says what it is.
    """
    if type_of(node) is not exp.DType.MAP:
        raise Refused(f"{function} takes a map that the query makes itself, by map, map_from_arrays or str_to_map.")
    return node


def _from_arrays_type(node: exp.Expr) -> exp.DataType:
    keys, values = node.expressions
    kind = inner(known_array(keys, "map_from_arrays"))
    if types.has_map(kind):
        raise Refused("A map's keys are no maps.")
    return types.mapping(kind, inner(known_array(values, "map_from_arrays")))


def _from_arrays(node: exp.Expr) -> exp.Expr:
    return call("MAP", *(known_array(each, "map_from_arrays") for each in node.expressions))


def _concat_type(node: exp.Expr) -> exp.DataType:
    return common_type([known_map(each, "map_concat") for each in node.expressions], "map_concat")


def _concat(node: exp.Expr) -> exp.Expr:
    kind = _concat_type(node)
    first, *rest = (convert(each, kind) for each in node.expressions)
    for each in rest:
        first = call("spark_map_concat", first, each)
    return first


def _contains_key(node: exp.Expr) -> exp.Expr:
    value, key = node.expressions
    kind = of(known_map(value, "map_contains_key"))
    common = types.wider(types.inner(kind), of(key), text=False)
    if common is None or of(key) == NULL:
        raise Refused("map_contains_key takes a key of the map's own type; cast it.")
    keys = call("MAP_KEYS", value)
    keys.type = types.array(types.inner(kind))
    return call("spark_array_contains", convert(keys, types.array(common)), convert(key, common))


def _from_text(node: exp.Expr) -> exp.Expr:
    value, *delimiters = node.expressions
    pairs = regex.checked(delimiters[0]) if delimiters else ","
    keys = regex.checked(delimiters[1]) if len(delimiters) > 1 else ":"
    return call("spark_str_to_map", text(value), pairs, keys)


RULES: Mapping[type[exp.Expr], Rule] = {}
FUNCTIONS: Mapping[str, Function] = {
    "MAP_FROM_ARRAYS": Function(2, 2, _from_arrays_type, _from_arrays),
    "MAP_CONCAT": Function(1, MANY, _concat_type, _concat),
    "MAP_CONTAINS_KEY": Function(2, 2, "BOOLEAN", _contains_key),
    "STR_TO_MAP": Function(1, 3, "MAP<STRING, STRING>", _from_text),
}
NAMED: Mapping[str, Rule] = arguments.rules(FUNCTIONS)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
