"""Functions of text."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.spark.building import Rule, becomes


def _escaped(node: exp.Expr) -> exp.Expr | None:
    """A backslash escapes in Spark's LIKE; in DuckDB's only where ESCAPE says so."""
    pattern = node.expression
    plain = isinstance(pattern, exp.Literal) and "\\" not in pattern.this
    if plain or isinstance(node.parent, exp.Escape):
        return None
    return exp.Escape(this=node, expression=exp.Literal.string("\\"))


RULES: Mapping[type[exp.Expr], Rule] = {exp.Like: _escaped, exp.ILike: _escaped}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = {
    exp.Length: becomes("INT"),
    exp.StrPosition: becomes("INT"),
    exp.Levenshtein: becomes("INT"),
    exp.Ascii: becomes("INT"),
}
