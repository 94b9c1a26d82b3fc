"""Text as bytes and in other digits: hex, base64, encode, decode, url_encode, conv, bin, and the number of bytes."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark import arguments
from whiteroom.engines.duckdb.spark.arguments import data, long, of_data, of_text, text, whole
from whiteroom.engines.duckdb.spark.building import call, cast
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.arguments import required_text, text_of
from whiteroom.sql.spark.building import Rule, type_of
from whiteroom.sql.spark.encodings import FUNCTIONS

_WHOLE = frozenset({exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT})

_REAL = frozenset({exp.DType.FLOAT, exp.DType.DOUBLE})


def _hex(node: exp.Expr) -> exp.Expr:
    if type_of(node.this) in _WHOLE:
        return call("spark_hex", long(node.this))
    if type_of(node.this) in _REAL | {exp.DType.DECIMAL}:
        return call("spark_hex", long(node.this))
    return call("HEX", data(node.this))


def _encode(node: exp.Expr) -> exp.Expr:
    return call("spark_encode", text(node.this), _charset(node.args["charset"]))


def _decode(node: exp.Expr) -> exp.Expr:
    return call("spark_decode", data(node.this), _charset(node.args["charset"]))


_CHARSETS = frozenset({"US-ASCII", "ISO-8859-1", "UTF-8", "UTF-16BE", "UTF-16LE", "UTF-16"})


def _charset(node: exp.Expr) -> str:
    name = required_text(node, "encode and decode", "character set")
    if name.upper() not in _CHARSETS:
        raise Refused(f"Spark knows no character set {name[:32]}.")
    return name


def _conv(node: exp.Expr) -> exp.Expr:
    value, source, target = node.expressions
    return call("spark_conv", text(value), whole(source), whole(target))


def _octet_length(node: exp.Expr) -> exp.Expr:
    return cast(call("OCTET_LENGTH", data(node.expressions[0])), "INT")


def _bit_length(node: exp.Expr) -> exp.Expr:
    size = call("OCTET_LENGTH", data(node.this))
    return cast(exp.paren(exp.Mul(this=size, expression=exp.Literal.number(8))), "INT")


def _to_binary(node: exp.Expr) -> exp.Expr:
    kind = (text_of(node.args.get("format")) or "hex").lower()
    if node.args.get("format") is not None and text_of(node.args["format"]) is None:
        raise Refused("to_binary takes its format as a text in quotes here.")
    if kind in {"utf-8", "utf8"}:
        return data(text(node.this))
    if kind == "hex":
        return call("spark_unhex", text(node.this))
    if kind == "base64":
        return call("spark_unbase64", text(node.this))
    raise Refused("to_binary takes 'hex', 'utf-8' or 'base64'.")


RULES: Mapping[type[exp.Expr], Rule] = {
    exp.Hex: _hex,
    exp.Unhex: of_text("spark_unhex"),
    exp.ToBase64: of_data("spark_base64"),
    exp.FromBase64: of_text("spark_unbase64"),
    exp.Encode: _encode,
    exp.Decode: _decode,
    exp.BitLength: _bit_length,
    exp.ToBinary: _to_binary,
}
NAMED: Mapping[str, Rule] = arguments.rules(
    FUNCTIONS,
    {
        "CONV": _conv,
        "BIN": lambda node: call("spark_bin", long(node.expressions[0])),
        "OCTET_LENGTH": _octet_length,
        "URL_ENCODE": lambda node: call("spark_url_encode", text(node.expressions[0])),
        "URL_DECODE": lambda node: call("spark_url_decode", text(node.expressions[0])),
    },
)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
