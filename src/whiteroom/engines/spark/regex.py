"""Regular expressions: Java's patterns, in RE2's words (java/regexes.py)."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark import arguments
from whiteroom.engines.spark.arguments import Function, number_of, required_text, text
from whiteroom.engines.spark.building import Rule, call
from whiteroom.engines.spark.java.regexes import BadRegex, Regex, replacement, to_re2


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


def _extract(node: exp.Expr) -> exp.Expr:
    pattern, found = _read(node.expression)
    number = _group(node.args.get("group"), found, 1)
    if number == 0 and found.tails:
        return call("spark_regexp_extract", text(node.this), pattern, 0)
    return call("REGEXP_EXTRACT", text(node.this), found.text, found.places[number])


def _extract_all(node: exp.Expr) -> exp.Expr:
    pattern, found = _read(node.expression)
    number = _group(node.args.get("group"), found, 1)
    # DuckDB gives NULL for a group that is in no match, Spark an empty text.
    if found.nullable or found.tails or number:
        return call("spark_regexp_extract_all", text(node.this), pattern, number)
    return call("REGEXP_EXTRACT_ALL", text(node.this), found.text, found.places[number])


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
    simple = all(isinstance(part, str) or found.places[part] < 10 for part in parts)
    if found.nullable or found.tails or position != 1 or not simple:
        return call("spark_regexp_replace", text(node.this), pattern, template, position)
    written = "".join(
        part.replace("\\", "\\\\") if isinstance(part, str) else f"\\{found.places[part]}" for part in parts
    )
    return call("REGEXP_REPLACE", text(node.this), found.text, written, "g")


def _count(node: exp.Expr) -> exp.Expr:
    pattern, _ = _read(node.expression)
    return call("spark_regexp_count", text(node.this), pattern)


def _instr(node: exp.Expr) -> exp.Expr:
    pattern, _ = _read(node.expression)
    return call("spark_regexp_instr", text(node.this), pattern)


def _substr(node: exp.Expr) -> exp.Expr:
    """NULL where there is no match, or where it is of nothing."""
    pattern, found = _read(node.expression)
    if found.tails:
        return call("NULLIF", call("spark_regexp_extract", text(node.this), pattern, 0), "")
    return call("NULLIF", call("REGEXP_EXTRACT", text(node.this), found.text, 0), "")


def _split(node: exp.Expr) -> exp.Expr:
    """At a plain text DuckDB splits alike; at a pattern of any length, for as long as no part may be nothing."""
    value, pattern_node, *rest = node.expressions
    limit = number_of(rest[0]) if rest else -1
    pattern, found = _read(pattern_node)
    if limit is None:
        raise Refused("split takes its limit as a number.")
    plain = _plain(pattern)
    if plain and limit <= 0:
        return call("STRING_SPLIT", text(value), plain)
    if limit > 0 or found.nullable or found.tails or found.groups:
        return call("spark_split", text(value), pattern, limit)
    return call("STRING_SPLIT_REGEX", text(value), found.text)


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
FUNCTIONS: Mapping[str, Function] = {"SPLIT": Function(2, 3, "ARRAY<STRING>", _split)}
NAMED: Mapping[str, Rule] = arguments.rules(FUNCTIONS)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
