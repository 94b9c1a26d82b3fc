"""Signatures of functions of arrays."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import types
from whiteroom.sql.spark.arguments import Function
from whiteroom.sql.spark.building import TypeRule
from whiteroom.sql.spark.nested import inner
from whiteroom.sql.spark.types import BINARY, DATE, STRING, TIMESTAMP, UNKNOWN, of


def _same(node: exp.Expr) -> exp.DataType:
    """The type of the first argument."""
    return of(node.expressions[0])


def two_type(node: exp.Expr) -> exp.DataType:
    """The type of a function of two arrays."""
    found = types.tightest(*map(of, node.expressions))
    return UNKNOWN if found is None else found


def _element_type(node: exp.Expr) -> exp.DataType:
    return types.array(_wider_of(node))


def _wider_of(node: exp.Expr) -> exp.DataType:
    value, added = node.expressions[0], node.expressions[-1]
    return types.tightest(inner(value), of(added)) or UNKNOWN


def _flatten_type(node: exp.Expr) -> exp.DataType:
    found = inner(node.expressions[0])
    if not types.is_array(found):
        raise Refused("flatten takes an array of arrays.")
    return found


def repeat_type(node: exp.Expr) -> exp.DataType:
    """The type of array_repeat."""
    return types.array(of(node.expressions[0]))


def sequence_type(node: exp.Expr) -> exp.DataType:
    """The type of sequence."""
    start, stop = of(node.expressions[0]), of(node.expressions[1])
    if types.is_integer(start) and types.is_integer(stop):
        kinds = [of(part) for part in node.expressions]
        return types.array(types.widest(kinds) or UNKNOWN)
    if DATE in (start, stop) or TIMESTAMP in (start, stop):
        return types.array(types.tightest(start, stop) or UNKNOWN)
    return UNKNOWN


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
FUNCTIONS: Mapping[str, Function] = {
    "ARRAY_UNION": Function(2, 2, two_type),
    "ARRAY_INTERSECT": Function(2, 2, two_type),
    "ARRAY_EXCEPT": Function(2, 2, two_type),
    "ARRAYS_OVERLAP": Function(2, 2, "BOOLEAN"),
    "ARRAY_DISTINCT": Function(1, 1, _same),
    "ARRAY_COMPACT": Function(1, 1, _same),
    "ARRAY_POSITION": Function(2, 2, "BIGINT"),
    "ARRAY_REMOVE": Function(2, 2, _element_type),
    "ARRAY_APPEND": Function(2, 2, _element_type),
    "ARRAY_PREPEND": Function(2, 2, _element_type),
    "ARRAY_INSERT": Function(3, 3, _element_type),
    "ARRAY_REPEAT": Function(2, 2, repeat_type),
    "ARRAY_SORT": Function(1, 1, _same),
    "SLICE": Function(3, 3, _same),
    "FLATTEN": Function(1, 1, _flatten_type),
    "SEQUENCE": Function(2, 3, sequence_type),
}
