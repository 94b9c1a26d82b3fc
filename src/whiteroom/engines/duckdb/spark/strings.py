"""Functions of text."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark import arguments
from whiteroom.engines.duckdb.spark.arguments import data, joined, long, of_text, text, whole
from whiteroom.engines.duckdb.spark.building import becomes, call, cast
from whiteroom.engines.duckdb.spark.casts import convert
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import types
from whiteroom.sql.spark.arguments import is_binary, number_of, text_of
from whiteroom.sql.spark.building import Rule, type_of
from whiteroom.sql.spark.strings import FUNCTIONS, pad_type
from whiteroom.sql.spark.types import BINARY, of

_MOST_CHARACTERS = 2**31 - 1


def _escaped(node: exp.Expr) -> exp.Expr | None:
    """A backslash escapes in Spark's LIKE; in DuckDB's only where ESCAPE says so."""
    pattern = node.expression
    plain = isinstance(pattern, exp.Literal) and "\\" not in pattern.this
    if plain or isinstance(node.parent, exp.Escape):
        return None
    return exp.Escape(this=node, expression=exp.Literal.string("\\"))


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


def _pad(node: exp.Expr) -> exp.Expr:
    value, length, fill = node.this, node.expression, node.args.get("fill_pattern")
    if pad_type(node) == BINARY:
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
        return joined([convert(part, kind) for part in parts])
    taken = data if parts and all(map(is_binary, parts)) else text
    return joined([taken(part) for part in parts])


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


def _elt(node: exp.Expr) -> exp.Expr:
    """Which of the texts; NULL where there is none of that number."""
    parts = [text(part) for part in node.expressions]
    return call("LIST_EXTRACT", call("LIST_VALUE", *parts), call("NULLIF", call("GREATEST", whole(node.this), 0), 0))


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


RULES: Mapping[type[exp.Expr], Rule] = {
    exp.Like: _escaped,
    exp.ILike: _escaped,
    exp.Upper: of_text("spark_upper"),
    exp.Lower: of_text("spark_lower"),
    exp.Initcap: of_text("spark_initcap"),
    exp.Reverse: _reverse,
    exp.Soundex: of_text("spark_soundex"),
    exp.Ascii: of_text("ASCII"),
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
    exp.Elt: _elt,
}
NAMED: Mapping[str, Rule] = arguments.rules(
    FUNCTIONS,
    {
        "BTRIM": _btrim,
        "FIND_IN_SET": _find_in_set,
        "MASK": _mask,
        "LUHN_CHECK": lambda node: call("spark_luhn_check", text(node.expressions[0])),
    },
)
RESULTS: Mapping[type[exp.Expr], Rule] = {
    exp.Length: becomes("INT"),
    exp.Ascii: becomes("INT"),
}
