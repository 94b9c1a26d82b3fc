"""Signatures of functions of maps."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import structs, types
from whiteroom.sql.spark.arguments import MANY, Function
from whiteroom.sql.spark.building import type_of
from whiteroom.sql.spark.nested import common_type, inner, known_array
from whiteroom.sql.spark.types import of


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


def concat_type(node: exp.Expr) -> exp.DataType:
    """The type of concat over maps, arrays or texts."""
    return common_type([known_map(each, "map_concat") for each in node.expressions], "map_concat")


def _entries_type(node: exp.Expr) -> exp.DataType:
    kind = of(known_map(node.expressions[0], "map_entries"))
    return types.array(structs.struct_type([("key", types.inner(kind)), ("value", types.inner(kind, 1))]))


def _from_entries_type(node: exp.Expr) -> exp.DataType:
    fields = structs.fields_of(inner(known_array(node.expressions[0], "map_from_entries")))
    if len(fields) != 2:
        raise Refused("map_from_entries takes an array of structs of two fields.")
    return types.mapping(*(kind for _, kind in fields))


FUNCTIONS: Mapping[str, Function] = {
    "MAP_FROM_ARRAYS": Function(2, 2, _from_arrays_type),
    "MAP_CONCAT": Function(1, MANY, concat_type),
    "MAP_CONTAINS_KEY": Function(2, 2, "BOOLEAN"),
    "MAP_ENTRIES": Function(1, 1, _entries_type),
    "MAP_FROM_ENTRIES": Function(1, 1, _from_entries_type),
    "STR_TO_MAP": Function(1, 3, "MAP<STRING, STRING>"),
}
