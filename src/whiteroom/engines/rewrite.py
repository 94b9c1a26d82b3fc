"""Where sqlglot's translation from Spark SQL to DuckDB would change a value or a type, the tree is put right first.

Known differences that remain: division and averages of decimals are DOUBLE here; an overflow is an error,
where Spark without ANSI mode wraps; text that is cast to an integer is rounded, where Spark cuts;
text made from a DOUBLE is spelled as DuckDB does; regular expressions are RE2's (linear time, no look-around).
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from whiteroom.engines import dialect


def to_duckdb_tree(tree: exp.Expr) -> exp.Expr:
    """The annotated tree of a Spark query, changed in place so that its DuckDB text answers as Spark does."""
    # Children first: a rule may wrap a node that has been rewritten below.
    for node in reversed(list(tree.walk(bfs=True))):
        rule = _RULES.get(type(node))
        if rule is not None:
            rule(node)
    return tree


def _type_name(node: exp.Expr | None) -> exp.DType | None:
    return node.type.this if node is not None and node.type is not None else None


def _cast(node: exp.Expr, to: str, *, safe: bool = False) -> exp.Expr:
    kind = exp.TryCast if safe else exp.Cast
    return kind(this=node, to=exp.DataType.build(to, dialect="duckdb"))


def _result(to: str) -> Callable[[exp.Expr], None]:
    """The function's value becomes the type that Spark gives it."""

    def rule(node: exp.Expr) -> None:
        parent = node.parent
        if isinstance(parent, exp.Filter | exp.WithinGroup):
            node, parent = parent, parent.parent
        if isinstance(parent, exp.Window) and parent.this is node:
            node = parent
        node.replace(_cast(node.copy(), to))

    return rule


def _takes(to: str, then: Callable[[exp.Expr], None] | None = None) -> Callable[[exp.Expr], None]:
    """The argument may be text in Spark: cast it, to NULL where it does not fit."""

    def rule(node: exp.Expr) -> None:
        node.set("this", _cast(node.this.copy(), to, safe=True))
        if then is not None:
            then(node)

    return rule


def _whole(node: exp.Expr) -> None:
    if _type_name(node.this) in dialect.REAL_TYPES and not node.args.get("decimals"):
        node.replace(_cast(node.copy(), "BIGINT", safe=True))


def _cut(node: exp.Expr) -> None:
    """A cast to an integer cuts the fraction off; DuckDB's own rounds."""
    if node.args["to"].this in dialect.INTEGER_TYPES and _type_name(node.this) in dialect.FRACTION_TYPES:
        node.set("this", exp.Anonymous(this="TRUNC", expressions=[node.this.copy()]))


def _utc(node: exp.Expr) -> None:
    """Every timestamp is a time of UTC without a zone: the session's zone in Spark terms."""
    if node.this in {exp.DType.TIMESTAMPTZ, exp.DType.TIMESTAMPLTZ, exp.DType.TIMESTAMPNTZ}:
        node.set("this", exp.DType.TIMESTAMP)


def _named(node: exp.Expr) -> None:
    name, arguments = str(node.this).upper(), [argument.copy() for argument in node.expressions]
    replacement = _NAMED[name](*arguments) if name in _NAMED else None
    if replacement is not None:
        node.replace(replacement)


def _pmod(dividend: exp.Expr, divisor: exp.Expr) -> exp.Expr:
    remainder = exp.Mod(this=exp.paren(dividend), expression=exp.paren(divisor))
    raised = exp.paren(exp.Add(this=exp.paren(remainder), expression=exp.paren(divisor.copy())))
    return exp.Mod(this=raised, expression=exp.paren(divisor.copy()))


_NAMED: dict[str, Callable[..., exp.Expr]] = {
    "PMOD": _pmod,
    "ISNULL": lambda value: exp.paren(exp.Is(this=exp.paren(value), expression=exp.Null())),
    "ISNOTNULL": lambda value: exp.paren(exp.Not(this=exp.Is(this=exp.paren(value), expression=exp.Null()))),
}


def _quantile(node: exp.Expr) -> None:
    """Spark's percentile interpolates."""
    arguments = [node.this.copy(), node.args["quantile"].copy()]
    node.replace(exp.Anonymous(this="QUANTILE_CONT", expressions=arguments))


def _first(node: exp.Expr) -> None:
    """Spark's any_value is first, NULLs counted; DuckDB's passes over them."""
    node.replace(exp.First(this=node.this.copy()))


def _escaped(node: exp.Expr) -> None:
    """A backslash escapes in Spark's LIKE; in DuckDB's only where ESCAPE says so."""
    pattern = node.expression
    plain = isinstance(pattern, exp.Literal) and "\\" not in pattern.this
    if not plain and not isinstance(node.parent, exp.Escape):
        node.replace(exp.Escape(this=node.copy(), expression=exp.Literal.string("\\")))


def _added(node: exp.Expr) -> None:
    """A date moved by whole days, months or years is a date in Spark, a timestamp in DuckDB."""
    interval = node.expression
    if isinstance(interval, exp.Interval) and _type_name(node.this) is exp.DType.DATE:
        unit = str(interval.args.get("unit") or "").upper().rstrip("S")
        if unit in {"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}:
            node.replace(_cast(exp.paren(node.copy()), "DATE"))


def _by_zero(node: exp.Expr) -> None:
    """Nothing divided by zero is NULL in Spark."""
    node.set("expression", exp.Nullif(this=node.expression.copy(), expression=exp.Literal.number(0)))


def _from_sunday(node: exp.Expr) -> None:
    """Sunday is 1 in Spark, 0 in DuckDB."""
    node.replace(_cast(exp.paren(exp.Add(this=node.copy(), expression=exp.Literal.number(1))), "INT"))


def _safe(node: exp.Expr) -> None:
    """Text that does not fit its format is NULL in Spark."""
    node.set("safe", True)


_INT = _result("INT")

_RULES: dict[type[exp.Expr], Callable[[exp.Expr], None]] = {
    exp.Anonymous: _named,
    exp.DataType: _utc,
    exp.Cast: _cut,
    exp.TryCast: _cut,
    exp.Ceil: _whole,
    exp.Floor: _whole,
    exp.Sign: _result("DOUBLE"),
    exp.Quantile: _quantile,
    exp.AnyValue: _first,
    exp.Like: _escaped,
    exp.ILike: _escaped,
    exp.Add: _added,
    exp.Sub: _added,
    exp.Mod: _by_zero,
    exp.IntDiv: _by_zero,
    exp.StrToTime: _safe,
    exp.TsOrDsAdd: _result("DATE"),
    exp.AddMonths: _result("DATE"),
    exp.LastDay: _takes("DATE"),
    exp.Quarter: _takes("DATE", _INT),
    exp.Hour: _takes("TIMESTAMP", _INT),
    exp.Minute: _takes("TIMESTAMP", _INT),
    exp.Second: _takes("TIMESTAMP", _INT),
    exp.TimestampTrunc: _takes("TIMESTAMP"),
    exp.StrToUnix: _result("BIGINT"),
    exp.CountIf: _result("BIGINT"),
    exp.Length: _INT,
    exp.StrPosition: _INT,
    exp.Levenshtein: _INT,
    exp.Ascii: _INT,
    exp.DateDiff: _INT,
    exp.Year: _INT,
    exp.Month: _INT,
    exp.Day: _INT,
    exp.DayOfMonth: _INT,
    exp.DayOfWeek: _from_sunday,
    exp.DayOfYear: _INT,
    exp.WeekOfYear: _INT,
    exp.RowNumber: _INT,
    exp.Rank: _INT,
    exp.DenseRank: _INT,
    exp.Ntile: _INT,
}
