"""What a private query may compute on the way: only what no order of rows changes, and what fails on no value.

This holds for tables without users too. DuckDB reads from them what the join with protected rows asks for, in any order
and on any number of threads: an aggregate over them that fails, or that depends on the order of its rows, reveals the
users that it is joined to. TRY (try_wrap.py) covers scalar functions and nothing else. So what is computed over rows
(aggregates, windows, sub-queries taken as a value) is allowed by name here; try_wrap.py then gives it its order.

Classes are compared as they are: a kind of sqlglot's that derives from an allowed one is another function.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sqlglot import exp

from whiteroom.domain.privacy.user_level import GROWING
from whiteroom.sql.lineage.facts import is_windowed
from whiteroom.sql.lineage.origins import from_aliases
from whiteroom.sql.noise.analysis import function_name, is_count, is_unsafe
from whiteroom.sql.noise.failing import can_fail_uncaught, is_value
from whiteroom.sql.refusals import Refused

OF_ANY = (exp.AnyValue, exp.First, exp.Last)
"""Aggregates of whichever row comes first."""
SUMS = (exp.Sum, exp.Avg, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Variance, exp.VariancePop)
"""Aggregates whose last bits depend on the order in which they meet their values."""
OF_NUMBERS = (*SUMS, exp.Median, exp.Quantile)
OF_PAIRS = (exp.CovarPop, exp.CovarSamp, exp.ArgMax, exp.ArgMin)
"""Aggregates of two values that depend on the order of rows in one way or the other."""
_OF_NO_ORDER = (
    exp.ApproxDistinct,
    exp.Count,
    exp.CountIf,
    exp.LogicalAnd,
    exp.LogicalOr,
    exp.Max,
    exp.Min,
    exp.PercentileCont,
    exp.PercentileDisc,
    exp.RegrCount,
)
_OF_GROUPS = (exp.Grouping, exp.GroupingId)
_AGGREGATES = frozenset({*OF_ANY, *OF_NUMBERS, *OF_PAIRS, *_OF_NO_ORDER, *_OF_GROUPS})
_WINDOWS = frozenset(
    [
        *OF_ANY,
        exp.Count,
        exp.CountIf,
        exp.CumeDist,
        exp.DenseRank,
        exp.FirstValue,
        exp.Lag,
        exp.LastValue,
        exp.Lead,
        exp.LogicalAnd,
        exp.LogicalOr,
        exp.Max,
        exp.Min,
        exp.NthValue,
        exp.Ntile,
        exp.PercentRank,
        exp.Rank,
    ]
)
_NUMBERED = {exp.Ntile: "this", exp.NthValue: "offset"}
"""Window functions that fail on a number below 1, and where that stands."""
_GROWING_BY: Mapping[type[exp.Expr], str] = {exp.Replace: "replacement", exp.RegexpReplace: "replacement"}
"""What puts a text in many places of another, and as which of its parts."""
_ROWS_TAKEN: Mapping[type[exp.Expr], tuple[str, ...]] = {
    exp.CTE: ("this",),
    exp.From: ("this",),
    exp.Join: ("this",),
    exp.Union: ("this", "expression"),
    exp.Intersect: ("this", "expression"),
    exp.Except: ("this", "expression"),
    exp.Exists: ("this",),
    exp.Any: ("this",),
    exp.In: ("query",),
}
"""What takes the rows of a query, however many there are, and as which of its parts."""
_CONDITIONS: Mapping[type[exp.Expr], tuple[str, ...]] = {
    exp.Where: ("this",),
    exp.Having: ("this",),
    exp.Qualify: ("this",),
    exp.Join: ("on",),
    exp.Is: ("this",),
    exp.Not: ("this",),
    exp.And: ("this", "expression"),
    exp.Or: ("this", "expression"),
    exp.CountIf: ("this",),
    exp.LogicalAnd: ("this",),
    exp.LogicalOr: ("this",),
}
"""Where a condition stands (before IS if TRUE or FALSE comes after), and DuckDB would cast what is none outside of any
TRY."""
_PRIVATE = "A query that reads tables with differential privacy takes"


def require_sound(tree: exp.Query) -> None:
    """Look at everything over rows in an annotated tree, before it is translated.

    Raises:
        Refused: something in it may fail on a value, depend on the order of rows, or grow without end.
    """
    for node in tree.walk():
        if isinstance(node, exp.AggFunc):
            _check_aggregate(node)
        elif isinstance(node, exp.Window):
            _check_window(node)
        elif isinstance(node, exp.Select | exp.SetOperation):
            _check_value(node)
        elif isinstance(node, exp.IgnoreNulls | exp.RespectNulls):
            raise Refused(f"{_PRIVATE} no IGNORE NULLS: which value is left depends on the order of rows. Filter them.")
        elif isinstance(node, exp.Like | exp.ILike):
            _check_pattern(node)
        elif is_value(node):
            _check_function(node)
        _check_conditions(node)


def _check_function(node: exp.Expr) -> None:
    name = function_name(node)
    if isinstance(node, exp.Func) and name in GROWING:
        raise Refused(
            f"{_PRIVATE} no {name}, also over other tables: it makes large values of small ones, and what runs out of "
            "memory tells of rows. Leave it out."
        )
    with_what = node.args.get(_GROWING_BY.get(type(node), ""))
    if with_what is not None and not isinstance(with_what, exp.Literal):
        raise Refused(
            f"{_PRIVATE} {name} with a text in quotes only: another makes large values of small ones, and what runs "
            "out of memory tells of rows."
        )
    if can_fail_uncaught(node):
        raise Refused(
            f"{_PRIVATE} no {name} that is applied to an aggregate, a window function or a sub-query, also over other "
            "tables: it could fail for one row alone. Compute it in a common table expression (WITH) over this one."
        )


def _check_aggregate(node: exp.AggFunc) -> None:
    windowed = _is_windowed(node)
    if type(node) not in (_WINDOWS if windowed else _AGGREGATES):
        over = " as a window function" if windowed else ""
        raise Refused(
            f"{_PRIVATE} no {node.sql_name()}{over}, also over other tables: it may fail on a value, or depend on the "
            "order in which rows are met. Use COUNT, SUM, AVG, MIN, MAX, STDDEV, VARIANCE or a percentile with GROUP "
            "BY, and join."
        )
    if isinstance(node.this, exp.Distinct) and type(node) in {*OF_NUMBERS, *OF_PAIRS}:
        raise Refused(
            f"{_PRIVATE} no {node.sql_name()}(DISTINCT ...), also over other tables: it may depend on the order in "
            "which rows are met. Aggregate over a common table expression with SELECT DISTINCT."
        )


def _check_pattern(node: exp.Like | exp.ILike) -> None:
    """DuckDB ends a query at a pattern that ends in its escape; one that is no text in quotes, try_wrap.py looks at."""
    pattern, escape = node.expression.unnest(), "\\"
    if isinstance(pattern, exp.Any | exp.All):
        raise Refused(f"{_PRIVATE} no LIKE ANY and LIKE ALL. Write a LIKE for each pattern, with OR or AND.")
    if isinstance(node.parent, exp.Escape):
        given = node.parent.expression
        escape = given.name
        if not isinstance(given, exp.Literal) or len(escape) != 1 or not escape.isascii():
            raise Refused(f"{_PRIVATE} for ESCAPE one character of ASCII, in quotes.")
    if isinstance(pattern, exp.Literal) and not re.fullmatch(whole_pattern(escape), pattern.name, re.DOTALL):
        raise Refused("The pattern of LIKE must not end with the character that escapes another. Write it twice.")


def whole_pattern(escape: str) -> str:
    """What a pattern of LIKE may be, as a regular expression of Python's and RE2's: each escape has a character."""
    one = re.escape(escape)
    return f"(?:[^{one}]|{one}.)*"


def _check_conditions(node: exp.Expr) -> None:
    if isinstance(node, exp.Is) and not isinstance(node.expression, exp.Boolean):
        return
    for name in _CONDITIONS.get(type(node), ()):
        part = node.args.get(name)
        if isinstance(part, exp.Expr) and not _is_condition(part.unnest()):
            raise Refused(f"{_PRIVATE} for {node.key.upper()} what is a condition by itself. Compare the value.")


def _is_condition(node: exp.Expr) -> bool:
    given = node.type.this if node.type is not None else exp.DType.UNKNOWN
    return isinstance(node, exp.Predicate | exp.Connector | exp.Not) or given in {exp.DType.BOOLEAN, exp.DType.NULL}


def _check_window(window: exp.Window) -> None:
    if is_unsafe(window):
        raise Refused(
            f"{_PRIVATE} window functions without default, and with frames of ROWS and offsets of plain numbers."
        )
    function = window.this
    place = _NUMBERED.get(type(function))
    number = function.args.get(place) if place else None
    if place and not (number is not None and is_count(number) and number.name != "0"):
        raise Refused(f"{_PRIVATE} {function_name(function)} with a plain number from 1 on only.")


def _check_value(query: exp.Query) -> None:
    """Where a query stands for one value, it has one row at most: DuckDB fails on a second."""
    node: exp.Expr = query
    limits = [query.args.get("limit")]
    while isinstance(node.parent, exp.Subquery):
        node = node.parent
        limits.append(node.args.get("limit"))
    taken = node.parent is None or node.arg_key in _ROWS_TAKEN.get(type(node.parent), ())
    if not taken and not any(map(_is_single, limits)) and not _is_one_row(query):
        raise Refused(
            f"{_PRIVATE} a sub-query for a value only if it has one row whatever the tables hold: an aggregate "
            "without GROUP BY, or LIMIT 1."
        )


def _is_one_row(query: exp.Query) -> bool:
    """Whether it aggregates all of its rows: an aggregate of its own, and not of the query around it."""
    if not isinstance(query, exp.Select) or query.args.get("group"):
        return False
    own = set(from_aliases(query))
    return any(
        isinstance(node, exp.AggFunc)
        and not _is_windowed(node)
        and all(column.table in own for column in _whole(node).find_all(exp.Column))
        for output in query.selects
        for node in output.walk(prune=lambda node: isinstance(node, exp.Query | exp.Window))
    )


def _whole(node: exp.Expr) -> exp.Expr:
    """An aggregate with its FILTER and its WITHIN GROUP."""
    while isinstance(node.parent, exp.Filter | exp.WithinGroup):
        node = node.parent
    return node


def _is_windowed(node: exp.Expr) -> bool:
    holder = node.parent if isinstance(node.parent, exp.IgnoreNulls | exp.RespectNulls) else node
    return holder is not None and is_windowed(holder)


def _is_single(limit: exp.Expr | None) -> bool:
    count = limit.expression if isinstance(limit, exp.Limit) else None
    return isinstance(count, exp.Literal) and count.name in {"0", "1"}
