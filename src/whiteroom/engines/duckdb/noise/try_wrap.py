"""Makes a query over protected rows answer for every row, where it would otherwise fail on one user's value.

A query that fails reveals something of the row that it fails on, and no noise hides that. So every operator and
function that may fail on a value is put in DuckDB's TRY, which makes it NULL for that row alone; casts become TRY_CAST;
and sums are of DOUBLE, which reach infinity instead of overflowing. TRY takes no aggregates and no sub-queries, and it
does not catch every error: soundness.py refuses what is left.

Nor may a user's row reveal in which order other rows came, or on how many threads: sums of DOUBLE are taken in the
order of the values, any value of several is the least, values that compare equal look the same (one_form.py), and a
LIMIT of other rows takes the first of them by all their values.
"""

from __future__ import annotations

import re

from sqlglot import exp

from whiteroom.engines.duckdb.noise import one_form
from whiteroom.engines.duckdb.noise.soundness import OF_ANY, OF_NUMBERS, OF_PAIRS, SUMS, require_sound, whole_pattern
from whiteroom.engines.duckdb.spark.translate import to_duckdb_tree
from whiteroom.sql.noise.failing import can_fail, holds_rows, is_value, kind_of
from whiteroom.sql.spark.lambdas import Variable

_LEAVES = (
    exp.Identifier,
    exp.TableAlias,
    exp.DataType,
    exp.Literal,
    exp.Null,
    exp.Boolean,
    exp.Column,
    exp.Star,
    exp.Var,
    exp.WindowSpec,
    exp.Limit,
    exp.Offset,
    Variable,
)
_STRUCTURE = (exp.Query, exp.With, exp.CTE, exp.From, exp.Join, exp.Table)
_CAST = {"text": "TEXT", "date": "DATE", "timestamp": "TIMESTAMP"}
"""Numbers compare with numbers whatever their types; these fail to become each other."""


def to_hardened_duckdb(tree: exp.Query) -> str:
    """DuckDB's text of an annotated tree, which is changed.

    Raises:
        Refused: a value in it would depend on the order of rows.
    """
    require_sound(tree)
    _order(tree)
    one_form.mark(tree)
    _harden(tree)
    to_duckdb_tree(tree)
    one_form.expand(tree)
    _check_patterns(tree)
    # From the inside out: what is replaced is copied.
    for cast in reversed(list(tree.find_all(exp.Cast))):
        if type(cast) is exp.Cast:
            cast.replace(exp.TryCast(this=cast.this.copy(), to=cast.args["to"].copy()))
    return tree.sql("duckdb", comments=False)


def _check_patterns(tree: exp.Query) -> None:
    """A pattern of LIKE that ends in its escape is NULL, in DuckDB's tree: TRY does not hold what it would end in."""
    for node in tree.find_all(exp.Like, exp.ILike):
        escape, pattern = node.find_ancestor(exp.Escape, exp.Like, exp.ILike), node.expression
        if isinstance(escape, exp.Escape) and escape.this is node:
            form = whole_pattern(escape.expression.name)
            if isinstance(pattern, exp.Literal) and re.fullmatch(form, pattern.name, re.DOTALL):
                continue
            whole = exp.Literal.string(form)
            ends = exp.Anonymous(this="regexp_full_match", expressions=[pattern.copy(), whole, exp.Literal.string("s")])
            node.set("expression", exp.paren(exp.Case(ifs=[exp.If(this=ends, true=pattern.copy())])))


def _order(tree: exp.Query) -> None:
    """What tables of others bring to a private query is the same in whatever order, on however many threads."""
    for query in tree.find_all(exp.Query):
        limited = query.args.get("limit") or query.args.get("offset")
        if limited and query is not tree:
            order = query.args.get("order") or exp.Order(expressions=[])
            positions = [exp.Literal.number(position) for position in range(1, len(query.named_selects) + 1)]
            ties = [exp.Ordered(this=position, nulls_first=True) for position in positions]
            order.set("expressions", [*order.expressions, *ties])
            query.set("order", order)


def _harden(node: exp.Expr) -> None:
    """From the outside in: what one TRY holds needs no other."""
    pending = [node]
    while pending:
        node = pending.pop()
        if isinstance(node, _LEAVES):
            continue
        if isinstance(node, OF_ANY):
            node = _least(node)
        if isinstance(node, OF_NUMBERS):
            _take_reals(node)
        if isinstance(node, OF_PAIRS):
            _sort_pairs(node)
        if one_form.is_marked(node):
            pending += node.expressions
        elif not isinstance(node, _STRUCTURE) and is_value(node) and can_fail(node) and not holds_rows(node):
            tried = _tried(node)
            node.replace(tried)
            # A key is written there as it is in GROUP BY.
            pending += [
                part for held in tried.find_all(exp.Anonymous) if one_form.is_key(held) for part in held.expressions
            ]
        else:
            pending += list(node.iter_expressions())


def _tried(node: exp.Expr) -> exp.Expr:
    """The expression, or NULL; and of the type that was judged, should DuckDB's function have another."""
    tried = exp.Anonymous(this="TRY", expressions=[node.copy()])
    tried.type = node.type
    judged = _CAST.get(kind_of(node) or "")
    return tried if judged is None else exp.TryCast(this=tried, to=exp.DataType.build(judged))


def _take_reals(node: exp.Expr) -> None:
    value = exp.TryCast(this=node.this.copy(), to=exp.DataType.build("DOUBLE"))
    ordered = exp.Order(this=value, expressions=[exp.Ordered(this=value.copy())])
    node.set("this", ordered if isinstance(node, SUMS) else value)


def _sort_pairs(node: exp.Expr) -> None:
    by = [exp.Ordered(this=part.copy()) for part in (node.this, node.expression)]
    node.set("expression", exp.Order(this=node.expression.copy(), expressions=by))


def _least(node: exp.Expr) -> exp.Expr:
    least = exp.Min(this=node.this.copy())
    least.type = node.type
    node.replace(least)
    return least
