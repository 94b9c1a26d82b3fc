"""Aggregates: the types of their arguments and results, and what Spark computes otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from whiteroom.engines.duckdb.spark import nested
from whiteroom.engines.duckdb.spark.aggregate_arguments import core_of, doubles, set_argument, with_core
from whiteroom.engines.duckdb.spark.arithmetic import natively, power, unit
from whiteroom.engines.duckdb.spark.building import becomes, call, cast
from whiteroom.engines.duckdb.spark.casts import convert, duckdb_type
from whiteroom.engines.duckdb.spark.outputs import grouped_by
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.aggregate_arguments import argument, numeric
from whiteroom.sql.spark.aggregates import OF_DOUBLES
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.types import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    MOST_DIGITS,
    NULL,
    UNKNOWN,
    decimal,
    digits,
    has_map,
    is_decimal,
    is_integer,
    is_nested,
    of,
)


def _real_argument(node: exp.Expr) -> None:
    given = of(argument(node))
    numeric(node, given)
    if given != UNKNOWN and not is_integer(given) and not is_decimal(given):
        set_argument(node, lambda value: convert(value, DOUBLE))


def _sum_result(node: exp.Expr) -> exp.Expr | None:
    """A sum of whole numbers wraps; one of decimals has ten digits more, and is NULL beyond them."""
    core = core_of(node)
    given = of(argument(core))
    if is_integer(given):
        return call("spark_wrap_bigint", cast(node, "HUGEINT")) if given == BIGINT else cast(node, "BIGINT")
    if is_decimal(given):
        precision, scale = digits(given)
        return cast(node, duckdb_type(decimal(precision + 10, scale)), safe=True)
    return None


def _avg_result(node: exp.Expr) -> exp.Expr | None:
    """An average of decimals is the exact quotient of sum and count, four digits longer, rounded half up."""
    core = core_of(node)
    given = of(argument(core))
    if not is_decimal(given):
        return None
    precision, scale = digits(given)
    to = decimal(precision + 4, scale + 4)
    added = digits(to)[1] - scale
    total = with_core(node, lambda each: exp.Sum(this=each.this))
    count = with_core(node, lambda each: exp.Count(this=each.this))
    if precision + 10 + scale > MOST_DIGITS:
        return natively("/", total, count, to)
    total = call("spark_unscaled", cast(total, f"DECIMAL({MOST_DIGITS},{scale})"), power(scale))
    quotient = call("spark_rounded_quotient", total, cast(count, "HUGEINT"), power(added))
    return cast(call("spark_scaled", quotient, unit(digits(to)[1])), duckdb_type(to), safe=True)


def _corr_result(node: exp.Expr) -> exp.Expr:
    """Of one row, or of a column that does not vary, there is none; DuckDB says NaN, as it does of NaN."""

    def of_values(core: exp.Expr) -> exp.Expr:
        both = exp.Add(this=exp.paren(core.this.copy()), expression=exp.paren(core.expression.copy()))
        return exp.Sum(this=both)

    return call("spark_correlation", node, with_core(node, of_values))


def _skewness_result(node: exp.Expr) -> exp.Expr:
    """Spark's is the population's."""
    count = with_core(node, lambda core: exp.Count(this=core.this))
    spread = with_core(node, lambda core: exp.VariancePop(this=core.this))
    return call("spark_skewness", node, cast(count, "DOUBLE"), spread)


def _kurtosis(node: exp.Expr) -> exp.Expr:
    doubles(node)
    return call("kurtosis_pop", node.this)


def _count(node: exp.Expr) -> exp.Expr | None:
    """Of several values: the rows that have them all."""
    inner = node.this
    distinct = isinstance(inner, exp.Distinct)
    values: list[exp.Expr] = list(inner.expressions) if distinct else [inner, *node.expressions]
    if len(values) < 2:
        return None
    present: exp.Expr = exp.Boolean(this=True)
    for value in values:
        there = exp.Not(this=exp.Is(this=exp.paren(value.copy()), expression=exp.Null()))
        present = there if isinstance(present, exp.Boolean) else exp.And(this=present, expression=there)
    together = exp.Tuple(expressions=values) if distinct else exp.Literal.number(1)
    counted = exp.Case(ifs=[exp.If(this=present, true=together)])
    return exp.Count(this=exp.Distinct(expressions=[counted]) if distinct else counted)


def _by(name: str) -> Rule:
    """max_by and min_by: the value may be NULL, what it is chosen by may not."""
    return lambda node: call(name, node.this, _sort_key(node.expression))


def _sort_key(value: exp.Expr) -> exp.Expr:
    kind = of(value)
    if has_map(kind):
        raise Refused("Spark does not compare maps. Take the value of a key.")
    return nested.order_key(value, kind)


def _extreme(name: str) -> Rule:
    """The greatest or the least of arrays is so as Spark compares them."""

    def rule(node: exp.Expr) -> exp.Expr | None:
        value = argument(node)
        key = _sort_key(value.copy())
        return call(name, value, key) if is_nested(of(value)) else None

    return rule


def _condition(node: exp.Expr) -> None:
    given = of(argument(node))
    if given not in (BOOLEAN, NULL, UNKNOWN):
        name = node.sql_name() if isinstance(node, exp.Func) else node.key
        raise Refused(f"{name} takes a condition in Spark, not {given.sql('spark').lower()}. Compare the value.")


def _grouping_id(node: exp.Expr) -> exp.Expr:
    columns: Sequence[exp.Expr] = node.expressions
    if not columns:
        select = node.find_ancestor(exp.Select)
        group = select.args.get("group") if select is not None else None
        columns = [key.unnest() for key in grouped_by(group)] if group is not None else []
        several = group is not None and group.find(exp.GroupingSets, exp.Cube, exp.Rollup) is not None
        if not several:
            raise Refused("grouping_id is for GROUPING SETS, CUBE and ROLLUP.")
    return cast(call("grouping", *(column.copy() for column in columns)), "BIGINT")


_OF_CONDITIONS = (exp.LogicalAnd, exp.LogicalOr, exp.CountIf)

RULES: Mapping[type[exp.Expr], Rule] = {
    **dict.fromkeys(OF_DOUBLES, doubles),
    **dict.fromkeys(_OF_CONDITIONS, _condition),
    exp.Sum: _real_argument,
    exp.Avg: _real_argument,
    exp.Kurtosis: _kurtosis,
    exp.Count: _count,
    exp.Max: _extreme("arg_max"),
    exp.Min: _extreme("arg_min"),
    exp.ArgMax: _by("arg_max_null"),
    exp.ArgMin: _by("arg_min_null"),
    exp.GroupingId: _grouping_id,
}
NAMED: Mapping[str, Rule] = {}
RESULTS: Mapping[type[exp.Expr], Rule] = {
    exp.Sum: _sum_result,
    exp.Avg: _avg_result,
    exp.Corr: _corr_result,
    exp.RegrSlope: _corr_result,
    exp.RegrIntercept: _corr_result,
    exp.Skewness: _skewness_result,
    exp.CountIf: becomes("BIGINT"),
    exp.ApproxDistinct: becomes("BIGINT"),
    exp.RegrCount: becomes("BIGINT"),
    exp.Grouping: becomes("TINYINT"),
}
