"""Functions of text and bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark import arguments, types
from whiteroom.engines.spark.arguments import (
    MANY,
    Function,
    data,
    is_binary,
    long,
    number_of,
    real,
    required_text,
    text,
    text_of,
    whole,
)
from whiteroom.engines.spark.building import Rule, TypeRule, becomes, call, cast, type_of
from whiteroom.engines.spark.casts import convert
from whiteroom.engines.spark.java import formats
from whiteroom.engines.spark.types import BINARY, STRING, of

_WHOLE = frozenset({exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT})
_REAL = frozenset({exp.DType.FLOAT, exp.DType.DOUBLE})
_MOST_CHARACTERS = 2**31 - 1


def _escaped(node: exp.Expr) -> exp.Expr | None:
    """A backslash escapes in Spark's LIKE; in DuckDB's only where ESCAPE says so."""
    pattern = node.expression
    plain = isinstance(pattern, exp.Literal) and "\\" not in pattern.this
    if plain or isinstance(node.parent, exp.Escape):
        return None
    return exp.Escape(this=node, expression=exp.Literal.string("\\"))


def _of_text(name: str) -> Rule:
    """A function of one text."""
    return lambda node: call(name, text(node.this))


def _of_data(name: str) -> Rule:
    """A function of bytes, or of a text's bytes."""
    return lambda node: call(name, data(node.this))


def _substring(node: exp.Expr) -> exp.Expr:
    """Position 0 is 1, and a negative length is nothing."""
    value, start, length = node.this, node.args["start"], node.args.get("length")
    at, many = number_of(start), _MOST_CHARACTERS if length is None else number_of(length)
    most = exp.Literal.number(_MOST_CHARACTERS) if length is None else whole(length)
    if is_binary(value):
        return call("spark_substring_bytes", value, whole(start), most)
    if at is None or many is None or at < 0:
        return call("spark_substring", text(value), whole(start), most)
    return call("SUBSTRING", text(value), max(at, 1), *([] if length is None else [max(many, 0)]))


def _left(node: exp.Expr) -> exp.Expr:
    count = number_of(node.expression)
    if count is None:
        return call("spark_left", text(node.this), whole(node.expression))
    return call("LEFT", text(node.this), max(count, 0))


def _right(node: exp.Expr) -> exp.Expr:
    count = number_of(node.expression)
    if count is None:
        return call("spark_right", text(node.this), whole(node.expression))
    return call("RIGHT", text(node.this), max(count, 0))


def _pad_type(node: exp.Expr) -> exp.DataType:
    """Bytes of bytes alone."""
    fill = node.args.get("fill_pattern")
    return BINARY if is_binary(node.this) and (fill is None or is_binary(fill)) else STRING


def _pad(node: exp.Expr) -> exp.Expr:
    value, length, fill = node.this, node.expression, node.args.get("fill_pattern")
    if _pad_type(node) == BINARY:
        native = "spark_lpad_bytes" if node.args.get("is_left") else "spark_rpad_bytes"
        return call(native, value, whole(length), call("FROM_HEX", "00") if fill is None else fill)
    name, native = ("LPAD", "spark_lpad") if node.args.get("is_left") else ("RPAD", "spark_rpad")
    pad, count = " " if fill is None else text_of(fill), number_of(length)
    if pad and count is not None:
        return call(name, text(value), max(count, 0), pad)
    return call(native, text(value), whole(length), " " if fill is None else text(fill))


def _trim(node: exp.Expr) -> exp.Expr:
    """Spaces alone where no characters are named."""
    name = {"LEADING": "LTRIM", "TRAILING": "RTRIM"}.get(str(node.args.get("position") or "").upper(), "TRIM")
    characters = node.args.get("expression")
    return call(name, text(node.this), " " if characters is None else text(characters))


def _btrim(node: exp.Expr) -> exp.Expr:
    value, *characters = node.expressions
    return call("TRIM", text(value), text(characters[0]) if characters else " ")


def _position(node: exp.Expr) -> exp.Expr:
    position = node.args.get("position")
    if position is None or number_of(position) == 1:
        return cast(call("STRPOS", text(node.this), text(node.args["substr"])), "INT")
    return call("spark_locate", text(node.args["substr"]), text(node.this), whole(position))


def _overlay(node: exp.Expr) -> exp.Expr:
    name, taken = ("spark_overlay", text)
    if is_binary(node.this) and is_binary(node.expression):
        name, taken = "spark_overlay_bytes", data
    length = node.args.get("for_")
    return call(
        name,
        taken(node.this),
        taken(node.expression),
        whole(node.args["from_"]),
        -1 if length is None else whole(length),
    )


def _chr(node: exp.Expr) -> exp.Expr:
    return call("spark_char", long(node.expressions[0]))


def _levenshtein(node: exp.Expr) -> exp.Expr:
    threshold = node.args.get("ins_cost")
    pair = text(node.this), text(node.expression)
    if threshold is None:
        return call("spark_levenshtein", *pair)
    return call("spark_levenshtein_within", *pair, call("COALESCE", whole(threshold), 0))


def _reverse(node: exp.Expr) -> exp.Expr:
    if type_of(node.this) is exp.DType.ARRAY:
        return call("LIST_REVERSE", node.this)
    return call("spark_reverse", text(node.this))


def _split_part(node: exp.Expr) -> exp.Expr:
    if number_of(node.args["part_index"]) == 0:
        raise Refused("split_part counts its parts from 1.")
    return call("spark_split_part", text(node.this), text(node.args["delimiter"]), whole(node.args["part_index"]))


def _substring_index(node: exp.Expr) -> exp.Expr:
    return call("spark_substring_index", text(node.this), text(node.args["delimiter"]), whole(node.args["count"]))


def _translate(node: exp.Expr) -> exp.Expr:
    return call("spark_translate", text(node.this), text(node.args["from_"]), text(node.args["to"]))


def _repeat(node: exp.Expr) -> exp.Expr:
    return call("REPEAT", text(node.this), whole(node.args["times"]))


def _space(node: exp.Expr) -> exp.Expr:
    return call("REPEAT", " ", whole(node.this))


def _replace(node: exp.Expr) -> exp.Expr | None:
    """Nothing is found where the text that is looked for is empty."""
    new = node.args.get("replacement")
    return call("REPLACE", text(node.this), text(node.expression), "" if new is None else text(new))


def _concat_ws(node: exp.Expr) -> exp.Expr:
    separator, *parts = node.expressions
    arrays = [part for part in parts if type_of(part) is exp.DType.ARRAY]
    if not arrays:
        return call("CONCAT_WS", text(separator), *(text(part) for part in parts)) if parts else _nothing(separator)
    lists = [cast(part, "TEXT[]") if part in arrays else call("LIST_VALUE", text(part)) for part in parts]
    # A NULL array is passed over as a NULL text is.
    whole_list = lists[0] if len(lists) == 1 else call("LIST_CONCAT", *lists)
    return call("spark_join", text(separator), call("COALESCE", whole_list, cast(call("LIST_VALUE"), "TEXT[]")))


def _nothing(separator: exp.Expr) -> exp.Expr:
    """An empty text, NULL where the separator is."""
    return call("LEFT", text(separator), 0)


def _concat(node: exp.Expr) -> exp.Expr | None:
    parts = node.expressions
    if any(type_of(part) is exp.DType.ARRAY for part in parts):
        kind = of(node)
        return _joined([convert(part, kind) for part in parts])
    taken = data if parts and all(map(is_binary, parts)) else text
    return _joined([taken(part) for part in parts])


def _joined(parts: list[exp.Expr]) -> exp.Expr:
    """With ||, which is NULL where a part is."""
    if not parts:
        return exp.Literal.string("")
    found = parts[0]
    for part in parts[1:]:
        found = exp.DPipe(this=found, expression=part, safe=True)
    return exp.paren(found)


def _pipe(node: exp.Expr) -> exp.Expr | None:
    left, right = node.this, node.expression
    if types.is_array(of(node)):
        return exp.DPipe(this=convert(left, of(node)), expression=convert(right, of(node)), safe=True)
    if is_binary(left) and is_binary(right):
        return None
    return exp.DPipe(this=text(left), expression=text(right), safe=True)


def _pair(name: str) -> Rule:
    """A function of two texts."""
    return lambda node: call(name, text(node.this), text(node.expression))


def _length(node: exp.Expr) -> exp.Expr:
    value = node.this
    return call("OCTET_LENGTH", value) if is_binary(value) else call("LENGTH", text(value))


def _sha2(node: exp.Expr) -> exp.Expr:
    length = node.args.get("length")
    if length is None:
        raise Refused("sha2 takes a number of bits: sha2(x, 256).")
    if number_of(length) in {0, 256}:
        return call("SHA256", data(node.this))
    return call("spark_sha2", data(node.this), whole(length))


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


def _elt(node: exp.Expr) -> exp.Expr:
    """Which of the texts; NULL where there is none of that number."""
    parts = [text(part) for part in node.expressions]
    return call("LIST_EXTRACT", call("LIST_VALUE", *parts), call("NULLIF", call("GREATEST", whole(node.this), 0), 0))


def _format(node: exp.Expr) -> exp.Expr:
    """Piece by piece, by the types of the arguments."""
    template, *parts = node.expressions if isinstance(node, exp.Anonymous) else [node.this, *node.expressions]
    try:
        found = formats.pieces(required_text(template, "format_string", "format"))
        shown = [_piece(piece, parts) for piece in found]
    except formats.BadFormat as error:
        raise Refused(f"The format of format_string cannot be used: {error}.") from None
    return _joined(shown) if shown else exp.Literal.string("")


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
    if arguments.is_text(value):
        raise Refused("format_number takes a number; cast the text to DOUBLE.")
    if arguments.is_text(places):
        raise Refused("format_number takes a number of decimal places here, no pattern.")
    if type_of(value) is exp.DType.DECIMAL or type_of(value) in _WHOLE:
        return call("spark_format_decimal", cast(value, "TEXT"), whole(places))
    return call("spark_format_number", real(value), whole(places))


def _conv(node: exp.Expr) -> exp.Expr:
    value, source, target = node.expressions
    return call("spark_conv", text(value), whole(source), whole(target))


def _find_in_set(node: exp.Expr) -> exp.Expr:
    return call("spark_find_in_set", *(text(part) for part in node.expressions))


def _mask(node: exp.Expr) -> exp.Expr:
    value, *given = node.expressions
    defaults: list[exp.Expr | str] = ["X", "x", "n", cast(exp.Null(), "TEXT")]
    chosen = [*given, *defaults[len(given) :]]
    for part in given:
        said = text_of(part)
        if not isinstance(part, exp.Null) and (said is None or len(said) != 1):
            raise Refused("mask takes single characters in quotes, or NULL, as its replacements.")
    return call(
        "spark_mask", text(value), *(cast(each, "TEXT") if isinstance(each, exp.Null) else each for each in chosen)
    )


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


_HASHED: Mapping[exp.DType, tuple[str, Callable[[exp.Expr], exp.Expr]]] = {
    exp.DType.BOOLEAN: ("int", lambda part: cast(part, "INT")),
    exp.DType.TINYINT: ("int", lambda part: cast(part, "INT")),
    exp.DType.SMALLINT: ("int", lambda part: cast(part, "INT")),
    exp.DType.INT: ("int", lambda part: part),
    exp.DType.DATE: ("int", arguments.days),
    exp.DType.BIGINT: ("long", lambda part: part),
    exp.DType.TIMESTAMP: ("long", arguments.micros),
    exp.DType.TIMESTAMPTZ: ("long", arguments.micros),
    exp.DType.TIMESTAMPLTZ: ("long", arguments.micros),
    exp.DType.FLOAT: ("float", lambda part: part),
    exp.DType.DOUBLE: ("real", lambda part: part),
    exp.DType.TEXT: ("text", lambda part: part),
    exp.DType.VARCHAR: ("text", lambda part: part),
    exp.DType.BINARY: ("bytes", lambda part: part),
    exp.DType.VARBINARY: ("bytes", lambda part: part),
    exp.DType.NULL: ("int", lambda part: cast(part, "INT")),
}


def _hashed(name: str) -> Rule:
    """Column after column, each seeded by the one before."""

    def rule(node: exp.Expr) -> exp.Expr:
        seed: exp.Expr = exp.Literal.number(42)
        for part in node.expressions:
            kind = type_of(part)
            if kind is exp.DType.DECIMAL:
                seed = _hashed_decimal(name, part, seed)
                continue
            if kind is None or kind not in _HASHED:
                raise Refused(f"{name} takes texts, numbers, booleans, dates and times here.")
            suffix, taken = _HASHED[kind]
            seed = call(f"spark_{name}_{suffix}", taken(part), seed)
        return seed

    return rule


def _hashed_decimal(name: str, part: exp.Expr, seed: exp.Expr) -> exp.Expr:
    """By its digits: a BIGINT of up to 18, bytes beyond."""
    precision, scale = (int(each.name) for each in part.type.expressions) if part.type is not None else (38, 0)
    if precision > 18:
        return call(f"spark_{name}_decimal", cast(part, "TEXT"), seed)
    digits = call("REPLACE", cast(part, "TEXT"), ".", "") if scale else part
    return call(f"spark_{name}_long", cast(digits, "BIGINT"), seed)


TYPES: Mapping[type[exp.Expr], TypeRule] = {exp.Pad: _pad_type}
NAMED_TYPES: Mapping[str, TypeRule] = {}
RULES: Mapping[type[exp.Expr], Rule] = {
    exp.Like: _escaped,
    exp.ILike: _escaped,
    exp.Upper: _of_text("spark_upper"),
    exp.Lower: _of_text("spark_lower"),
    exp.Initcap: _of_text("spark_initcap"),
    exp.Reverse: _reverse,
    exp.Soundex: _of_text("spark_soundex"),
    exp.Ascii: _of_text("ASCII"),
    exp.Substring: _substring,
    exp.Left: _left,
    exp.Right: _right,
    exp.Pad: _pad,
    exp.Trim: _trim,
    exp.StrPosition: _position,
    exp.Overlay: _overlay,
    exp.Chr: _chr,
    exp.Levenshtein: _levenshtein,
    exp.SplitPart: _split_part,
    exp.SubstringIndex: _substring_index,
    exp.Translate: _translate,
    exp.Repeat: _repeat,
    exp.Space: _space,
    exp.Replace: _replace,
    exp.ConcatWs: _concat_ws,
    exp.Concat: _concat,
    exp.DPipe: _pipe,
    exp.Contains: _pair("CONTAINS"),
    exp.StartsWith: _pair("STARTS_WITH"),
    exp.EndsWith: _pair("ENDS_WITH"),
    exp.Length: _length,
    exp.MD5: _of_data("MD5"),
    exp.SHA: _of_data("SHA1"),
    exp.SHA2: _sha2,
    exp.Hex: _hex,
    exp.Unhex: _of_text("spark_unhex"),
    exp.ToBase64: _of_data("spark_base64"),
    exp.FromBase64: _of_text("spark_unbase64"),
    exp.Encode: _encode,
    exp.Decode: _decode,
    exp.Elt: _elt,
    exp.Format: _format,
    exp.BitLength: _bit_length,
    exp.ToBinary: _to_binary,
}
FUNCTIONS: Mapping[str, Function] = {
    "BTRIM": Function(1, 2, "STRING", _btrim),
    "PRINTF": Function(1, MANY, "STRING", _format),
    "FORMAT_STRING": Function(1, MANY, "STRING", _format),
    "FORMAT_NUMBER": Function(2, 2, "STRING", _format_number),
    "CONV": Function(3, 3, "STRING", _conv),
    "BIN": Function(1, 1, "STRING", lambda node: call("spark_bin", long(node.expressions[0]))),
    "FIND_IN_SET": Function(2, 2, "INT", _find_in_set),
    "MASK": Function(1, 5, "STRING", _mask),
    "OCTET_LENGTH": Function(1, 1, "INT", _octet_length),
    "URL_ENCODE": Function(1, 1, "STRING", lambda node: call("spark_url_encode", text(node.expressions[0]))),
    "URL_DECODE": Function(1, 1, "STRING", lambda node: call("spark_url_decode", text(node.expressions[0]))),
    "LUHN_CHECK": Function(1, 1, "BOOLEAN", lambda node: call("spark_luhn_check", text(node.expressions[0]))),
    "CRC32": Function(1, 1, "BIGINT", lambda node: call("spark_crc32", data(node.expressions[0]))),
    "HASH": Function(1, MANY, "INT", _hashed("hash")),
    "XXHASH64": Function(1, MANY, "BIGINT", _hashed("xxhash64")),
}
NAMED: Mapping[str, Rule] = arguments.rules(FUNCTIONS)
RESULTS: Mapping[type[exp.Expr], Rule] = {
    exp.Length: becomes("INT"),
    exp.Ascii: becomes("INT"),
}
