"""Functions of dates and times."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.spark.building import Rule, becomes, cast, type_of


def _takes(to: str) -> Rule:
    """The argument may be text in Spark: cast it, to NULL where it does not fit."""

    def rule(node: exp.Expr) -> None:
        node.set("this", cast(node.this, to, safe=True))

    return rule


def _added(node: exp.Expr) -> exp.Expr | None:
    """A date moved by whole days, months or years is a date in Spark, a timestamp in DuckDB."""
    interval = node.expression
    if isinstance(interval, exp.Interval) and type_of(node.this) is exp.DType.DATE:
        unit = str(interval.args.get("unit") or "").upper().rstrip("S")
        if unit in {"DAY", "WEEK", "MONTH", "QUARTER", "YEAR"}:
            return cast(exp.paren(node), "DATE")
    return None


def _from_sunday(node: exp.Expr) -> exp.Expr:
    """Sunday is 1 in Spark, 0 in DuckDB."""
    return cast(exp.paren(exp.Add(this=node, expression=exp.Literal.number(1))), "INT")


def _safe(node: exp.Expr) -> None:
    """Text that does not fit its format is NULL in Spark."""
    node.set("safe", True)


_INT = becomes("INT")

RULES: Mapping[type[exp.Expr], Rule] = {
    exp.Add: _added,
    exp.Sub: _added,
    exp.StrToTime: _safe,
    exp.LastDay: _takes("DATE"),
    exp.Quarter: _takes("DATE"),
    exp.Hour: _takes("TIMESTAMP"),
    exp.Minute: _takes("TIMESTAMP"),
    exp.Second: _takes("TIMESTAMP"),
    exp.TimestampTrunc: _takes("TIMESTAMP"),
}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = {
    exp.TsOrDsAdd: becomes("DATE"),
    exp.AddMonths: becomes("DATE"),
    exp.StrToUnix: becomes("BIGINT"),
    exp.DateDiff: _INT,
    exp.Year: _INT,
    exp.Month: _INT,
    exp.Day: _INT,
    exp.DayOfMonth: _INT,
    exp.DayOfWeek: _from_sunday,
    exp.DayOfYear: _INT,
    exp.WeekOfYear: _INT,
    exp.Quarter: _INT,
    exp.Hour: _INT,
    exp.Minute: _INT,
    exp.Second: _INT,
}
