"""Values written by a format: format_string, printf and format_number."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark import arguments
from whiteroom.engines.duckdb.spark.arguments import joined, real, text, whole
from whiteroom.engines.duckdb.spark.building import call, cast
from whiteroom.engines.duckdb.spark.java import formats
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.arguments import is_binary, is_text, required_text
from whiteroom.sql.spark.building import Rule, type_of
from whiteroom.sql.spark.formatting import FUNCTIONS

_WHOLE = frozenset({exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT})

_REAL = frozenset({exp.DType.FLOAT, exp.DType.DOUBLE})


def _format(node: exp.Expr) -> exp.Expr:
    """Piece by piece, by the types of the arguments."""
    template, *parts = node.expressions if isinstance(node, exp.Anonymous) else [node.this, *node.expressions]
    try:
        found = formats.pieces(required_text(template, "format_string", "format"))
        shown = [_piece(piece, parts) for piece in found]
    except formats.BadFormat as error:
        raise Refused(f"The format of format_string cannot be used: {error}.") from None
    return joined(shown) if shown else exp.Literal.string("")


def _piece(piece: formats.Piece, parts: list[exp.Expr]) -> exp.Expr:
    if piece.argument is None:
        return exp.Literal.string(piece.text)
    if piece.argument >= len(parts):
        raise formats.BadFormat("it has more conversions than there are arguments")
    part = parts[piece.argument]
    kind = type_of(part)
    name, group, value = "spark_show_text", "text", part
    if kind in _WHOLE:
        long_ = kind is exp.DType.BIGINT
        name, group, value = ("spark_show_long" if long_ else "spark_show_int"), "whole", part
    elif kind in _REAL:
        name, group, value = "spark_show_real", "real", part
    elif kind is exp.DType.DECIMAL:
        group = "decimal"
    elif kind is exp.DType.BOOLEAN:
        group = "boolean"
    elif is_binary(part) or kind in {
        exp.DType.DATE,
        exp.DType.TIMESTAMP,
        exp.DType.ARRAY,
        exp.DType.MAP,
        exp.DType.STRUCT,
    }:
        raise formats.BadFormat("it takes texts, numbers and booleans; cast the others to STRING")
    taken = formats.kinds(piece)
    if group not in taken and kind is not exp.DType.NULL:
        raise formats.BadFormat(f"%{piece.conversion} does not take a value of that type")
    if piece.conversion in "sSbB":
        name, value = "spark_show_text", text(part)
    flags = piece.flags + (str(piece.width) if piece.width else "")
    places = "" if piece.precision is None else f".{piece.precision}"
    return call(name, f"%{flags}{places}{piece.conversion}", value)


def _format_number(node: exp.Expr) -> exp.Expr:
    value, places = node.expressions
    if is_text(value):
        raise Refused("format_number takes a number; cast the text to DOUBLE.")
    if is_text(places):
        raise Refused("format_number takes a number of decimal places here, no pattern.")
    if type_of(value) is exp.DType.DECIMAL or type_of(value) in _WHOLE:
        return call("spark_format_decimal", cast(value, "TEXT"), whole(places))
    return call("spark_format_number", real(value), whole(places))


RULES: Mapping[type[exp.Expr], Rule] = {
    exp.Format: _format,
}
NAMED: Mapping[str, Rule] = arguments.rules(
    FUNCTIONS,
    {
        "PRINTF": _format,
        "FORMAT_STRING": _format,
        "FORMAT_NUMBER": _format_number,
    },
)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
