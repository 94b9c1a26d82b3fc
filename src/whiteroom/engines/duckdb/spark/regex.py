"""Regular expressions: Java's patterns, in RE2's words (java/regexes.py)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from whiteroom.engines.duckdb.spark import arguments
from whiteroom.engines.duckdb.spark.arguments import joined, text
from whiteroom.engines.duckdb.spark.building import call, cast, once_only, repeating
from whiteroom.engines.duckdb.spark.java.regex_errors import BadRegex
from whiteroom.engines.duckdb.spark.java.regexes import Regex, to_re2
from whiteroom.engines.duckdb.spark.java.replacements import replacement
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.arguments import number_of, required_text
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.regex import FUNCTIONS


def _read(node: exp.Expr) -> tuple[str, Regex]:
    pattern = required_text(node, "A regular expression", "pattern")
    try:
        return pattern, to_re2(pattern)
    except BadRegex as error:
        raise Refused(f"The regular expression cannot be used: {error}.") from None


def checked(node: exp.Expr) -> str:
    """The pattern of a function that runs it by java/matching.py.

    Raises:
        Refused: it is none that can be run.
    """
    return _read(node)[0]


def _like(node: exp.Expr) -> exp.Expr:
    _, found = _read(node.expression)
    return call("REGEXP_MATCHES", text(node.this), found.text)


def _group(node: exp.Expr | None, found: Regex, default: int) -> int:
    number = default if node is None else number_of(node)
    if number is None or number < 0 or number > found.groups:
        raise Refused(
            f"The regular expression has {found.groups} group{'s' * (found.groups != 1)}; name one by its number "
            "(0 is the whole match, and 1 is what is meant where no number is given)."
        )
    return number


_Maker = Callable[[exp.Expr], exp.Expr]

_QuickMaker = Callable[[exp.Expr, Regex], exp.Expr]

_MOST_GROUPS = 9
"""DuckDB's functions number no more groups."""


def _at_ends(value: exp.Expr, pattern: str, natively: _Maker, quickly: _QuickMaker) -> exp.Expr:
    """By DuckDB's own functions, but of a text that ends in a line's end, which `$` passes over and gives back."""
    found = to_re2(pattern)
    if not found.tails:
        return quickly(value, found)
    if once_only(value):
        return natively(value)
    ends = exp.If(this=call("spark_ends_in_a_line_end", value.copy()), true=natively(value.copy()))
    return repeating(exp.Case(ifs=[ends], default=quickly(value, to_re2(pattern, of_no_line_end=True))))


def _extract(node: exp.Expr) -> exp.Expr:
    pattern, found = _read(node.expression)
    return _extracted(text(node.this), pattern, _group(node.args.get("group"), found, 1))


def _extracted(value: exp.Expr, pattern: str, number: int) -> exp.Expr:
    found = to_re2(pattern)

    def natively(value: exp.Expr) -> exp.Expr:
        return call("spark_regexp_extract", value, pattern, number)

    def quickly(value: exp.Expr, found: Regex) -> exp.Expr:
        return call("REGEXP_EXTRACT", value, found.text, found.places[number])

    if found.places[number] > _MOST_GROUPS:
        return natively(value)
    return quickly(value, found) if number else _at_ends(value, pattern, natively, quickly)


def _extract_all(node: exp.Expr) -> exp.Expr:
    pattern, found = _read(node.expression)
    number = _group(node.args.get("group"), found, 1)
    return _all_extracted(text(node.this), pattern, number)


def _all_extracted(value: exp.Expr, pattern: str, number: int) -> exp.Expr:
    found = to_re2(pattern)

    def natively(value: exp.Expr) -> exp.Expr:
        return call("spark_regexp_extract_all", value, pattern, number)

    def quickly(value: exp.Expr, found: Regex) -> exp.Expr:
        several = call("REGEXP_EXTRACT_ALL", value, found.text, found.places[number])
        return call("spark_none_missing", several) if number else several

    return natively(value) if found.places[number] > _MOST_GROUPS else _at_ends(value, pattern, natively, quickly)


def _replace(node: exp.Expr) -> exp.Expr:
    pattern, found = _read(node.expression)
    template = required_text(node.args.get("replacement"), "regexp_replace", "replacement")
    position = number_of(node.args["position"]) if node.args.get("position") is not None else 1
    if position is None or position < 1:
        raise Refused("regexp_replace takes its position as a number from 1.")
    try:
        parts = replacement(template, found.groups)
    except BadRegex as error:
        raise Refused(f"The replacement of regexp_replace cannot be used: {error}.") from None

    def natively(value: exp.Expr) -> exp.Expr:
        return call("spark_regexp_replace", value, pattern, template, position)

    def quickly(value: exp.Expr, found: Regex) -> exp.Expr:
        return _replaced(value, found, parts, position)

    value = text(node.this)
    put = "".join(part for part in parts if isinstance(part, str))
    quick = found.something is not None and not found.tails and found.groups < _MOST_GROUPS - 1
    if put and quick and position == 1:
        return _put_between(value, pattern, found, parts)
    # Java finds nothing after each match too, RE2 does not: it shows where something is put there.
    shows = found.nullable and bool(put)
    numbered = all(isinstance(part, str) or found.places[part] <= _MOST_GROUPS for part in parts)
    if shows or not numbered or (position != 1 and once_only(value)):
        return natively(value)
    if quick and found.something:
        return quickly(value, replace(found, text=found.something))
    return _at_ends(value, pattern, natively, quickly)


def _put_between(value: exp.Expr, pattern: str, found: Regex, parts: Sequence[str | int]) -> exp.Expr:
    """What may match nothing does so before each character that it does not match, and at the end."""
    put = "".join(part for part in parts if isinstance(part, str))
    letter = _plain(pattern[:-1]) if pattern.endswith("*") else None
    alone = letter and len(letter) == 1 and letter not in put + "\\" and all(isinstance(part, str) for part in parts)
    if alone and not once_only(value):
        return repeating(call("spark_put_between", value, found.something or "", letter or "", put))
    text, last = f"({found.something})|([\\x{{0}}-\\x{{10FFFF}}])", found.groups + 1
    either = replace(found, text=text, groups=last, places=tuple(range(1, last + 2)), nullable=False, something=None)
    return joined([_replaced(value, either, [*parts, last], 1), exp.Literal.string(put)])


def _replaced(value: exp.Expr, found: Regex, parts: Sequence[str | int], position: int) -> exp.Expr:
    written = "".join(
        part.replace("\\", "\\\\") if isinstance(part, str) else f"\\{found.places[part]}" for part in parts
    )
    if position == 1:
        return call("REGEXP_REPLACE", value, found.text, written, "g")
    head = call("LEFT", value.copy(), position - 1)
    rest = call("SUBSTRING", value, position)
    return repeating(joined([head, call("REGEXP_REPLACE", rest, found.text, written, "g")]))


def _count(node: exp.Expr) -> exp.Expr:
    pattern, _ = _read(node.expression)
    return cast(call("LEN", _all_extracted(text(node.this), pattern, 0)), "INT")


def _instr(node: exp.Expr) -> exp.Expr:
    """Java counts in units of UTF-16, which the characters of ASCII are."""
    pattern, found = _read(node.expression)
    value = text(node.this)
    if found.nullable or once_only(value):
        return call("spark_regexp_instr", value, pattern)
    ascii_alone = exp.EQ(this=call("STRLEN", value.copy()), expression=call("LENGTH", value.copy()))
    first = exp.If(this=ascii_alone, true=call("spark_place_in_ascii", value.copy(), found.text))
    return repeating(exp.Case(ifs=[first], default=call("spark_regexp_instr", value, pattern)))


def _substr(node: exp.Expr) -> exp.Expr:
    """NULL where there is no match, or where it is of nothing."""
    pattern, _ = _read(node.expression)
    return call("NULLIF", _extracted(text(node.this), pattern, 0), "")


def _split(node: exp.Expr) -> exp.Expr:
    """At a plain text DuckDB splits alike; at a pattern of any length, for as long as no part may be nothing."""
    given, pattern_node, *rest = node.expressions
    value, limit = text(given), number_of(rest[0]) if rest else -1
    pattern, found = _read(pattern_node)
    if limit is None:
        raise Refused("split takes its limit as a number.")
    plain = _plain(pattern)
    if plain and limit <= 0:
        return call("STRING_SPLIT", value, plain)
    if plain and not once_only(value):
        return repeating(call("spark_split_into", value, plain, limit))

    def natively(value: exp.Expr) -> exp.Expr:
        return call("spark_split", value, pattern, limit)

    if found.nullable or (limit > 0 and (found.tails or limit > _MOST_PARTS or once_only(value))):
        return natively(value)
    if limit > 0:
        return repeating(_split_into(value, found, limit))
    return _at_ends(value, pattern, natively, lambda value, found: call("STRING_SPLIT_REGEX", value, found.text))


_MOST_PARTS = 5
"""Of a split by DuckDB's own functions, whose pattern is written out for each."""


def _split_into(value: exp.Expr, found: Regex, most: int) -> exp.Expr:
    before = rf"\A{rf'(?s:.*?)(?:{found.text})' * (most - 1)}"
    if most == 2:
        return call("spark_split_in_two", value, found.text, rf"(?:{found.text})(?s:.*)\z", before)
    return call("spark_split_at_pattern", value, found.text, most, before)


def _plain(pattern: str) -> str | None:
    """The text that a pattern stands for, where it stands for one alone."""
    bare = pattern[1:] if len(pattern) == 2 and pattern[0] == "\\" and not pattern[1].isalnum() else pattern
    if bare != pattern:
        return bare
    return pattern if pattern and not set(pattern) & set("\\^$.|?*+()[]{}") else None


RULES: Mapping[type[exp.Expr], Rule] = {
    exp.RegexpLike: _like,
    exp.RegexpExtract: _extract,
    exp.RegexpExtractAll: _extract_all,
    exp.RegexpReplace: _replace,
    exp.RegexpCount: _count,
    exp.RegexpInstr: _instr,
    exp.RegexpSubstr: _substr,
}
NAMED: Mapping[str, Rule] = arguments.rules(FUNCTIONS, {"SPLIT": _split})
RESULTS: Mapping[type[exp.Expr], Rule] = {}
