"""Signatures of functions of text and bytes."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.spark.arguments import Function, is_binary
from whiteroom.sql.spark.building import TypeRule
from whiteroom.sql.spark.types import BINARY, STRING


def pad_type(node: exp.Expr) -> exp.DataType:
    """Bytes of bytes alone."""
    fill = node.args.get("fill_pattern")
    return BINARY if is_binary(node.this) and (fill is None or is_binary(fill)) else STRING


TYPES: Mapping[type[exp.Expr], TypeRule] = {exp.Pad: pad_type}
NAMED_TYPES: Mapping[str, TypeRule] = {}
FUNCTIONS: Mapping[str, Function] = {
    "BTRIM": Function(1, 2, "STRING"),
    "FIND_IN_SET": Function(2, 2, "INT"),
    "MASK": Function(1, 5, "STRING"),
    "LUHN_CHECK": Function(1, 1, "BOOLEAN"),
}
