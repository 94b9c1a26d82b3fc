"""Functions that make maps, and ask for keys."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark import arguments, regex
from whiteroom.engines.duckdb.spark.arguments import text
from whiteroom.engines.duckdb.spark.building import call, each
from whiteroom.engines.duckdb.spark.casts import convert
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import types
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.maps import FUNCTIONS, concat_type, known_map
from whiteroom.sql.spark.nested import known_array
from whiteroom.sql.spark.types import NULL, of


def _from_arrays(node: exp.Expr) -> exp.Expr:
    return call("MAP", *(known_array(part, "map_from_arrays") for part in node.expressions))


def _concat(node: exp.Expr) -> exp.Expr:
    kind = concat_type(node)
    first, *rest = (convert(part, kind) for part in node.expressions)
    for part in rest:
        first = call("spark_map_concat", first, part)
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


def _entries(node: exp.Expr) -> exp.Expr:
    """Structs have no names in the engine's words (structs.py)."""

    def entry(pair: exp.Expr) -> exp.Expr:
        return call("ROW", *(call("STRUCT_EXTRACT_AT", pair.copy(), place) for place in (1, 2)))

    return each(call("MAP_ENTRIES", node.expressions[0]), entry)


def _from_entries(node: exp.Expr) -> exp.Expr:
    return call("spark_map_from_entries", node.expressions[0])


RULES: Mapping[type[exp.Expr], Rule] = {}
NAMED: Mapping[str, Rule] = arguments.rules(
    FUNCTIONS,
    {
        "MAP_FROM_ARRAYS": _from_arrays,
        "MAP_CONCAT": _concat,
        "MAP_CONTAINS_KEY": _contains_key,
        "MAP_ENTRIES": _entries,
        "MAP_FROM_ENTRIES": _from_entries,
        "STR_TO_MAP": _from_text,
    },
)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
