"""Types and signatures of functions of text and bytes, and of those of times that sqlglot leaves without."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.spark.arguments import Function, is_binary
from whiteroom.sql.spark.building import TypeRule, always
from whiteroom.sql.spark.types import BINARY, INT, STRING, TIMESTAMP


def pad_type(node: exp.Expr) -> exp.DataType:
    """Bytes of bytes alone."""
    fill = node.args.get("fill_pattern")
    return BINARY if is_binary(node.this) and (fill is None or is_binary(fill)) else STRING


def _chosen_type(node: exp.Expr) -> exp.DataType:
    return BINARY if all(map(is_binary, node.expressions)) else STRING


TYPES: Mapping[type[exp.Expr], TypeRule] = {
    exp.Pad: pad_type,
    exp.Elt: _chosen_type,
    **dict.fromkeys((exp.Decode, exp.RegexpSubstr, exp.SubstringIndex), always(STRING)),
    **dict.fromkeys((exp.RegexpCount, exp.RegexpInstr), always(INT)),
    **dict.fromkeys((exp.AtTimeZone, exp.FromTimeZone, exp.TimestampFromParts), always(TIMESTAMP)),
}
NAMED_TYPES: Mapping[str, TypeRule] = {}
FUNCTIONS: Mapping[str, Function] = {
    "BTRIM": Function(1, 2, "STRING"),
    "FIND_IN_SET": Function(2, 2, "INT"),
    "MASK": Function(1, 5, "STRING"),
    "LUHN_CHECK": Function(1, 1, "BOOLEAN"),
}
