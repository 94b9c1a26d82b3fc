"""Aggregates and window functions: the types of their arguments and results, and what Spark computes otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from whiteroom.engines.refusals import Refused
from whiteroom.engines.spark.arithmetic import natively, power, unit
from whiteroom.engines.spark.building import Rule, TypeRule, always, becomes, call, cast
from whiteroom.engines.spark.casts import convert, duckdb_type
from whiteroom.engines.spark.comparisons import grouped_by
from whiteroom.engines.spark.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INT,
    MOST_DIGITS,
    NULL,
    STRING,
    TINYINT,
    UNKNOWN,
    decimal,
    digits,
    is_decimal,
    is_integer,
    is_number,
    of,
)

_HOLDERS = (exp.Filter, exp.WithinGroup, exp.IgnoreNulls, exp.RespectNulls, exp.Window)


def _argument(node: exp.Expr) -> exp.Expr:
    """The value that is aggregated, without DISTINCT and ORDER BY."""
    inner: exp.Expr = node.this
    if isinstance(inner, exp.Distinct):
        inner = inner.expressions[0]
    return inner.this if isinstance(inner, exp.Order) else inner


def _set_argument(node: exp.Expr, change: Callable[[exp.Expr], exp.Expr]) -> None:
    inner = node.this
    if isinstance(inner, exp.Distinct):
        if len(inner.expressions) != 1:
            raise Refused(f"{node.sql_name() if isinstance(node, exp.Func) else node.key} takes one value.")
        inner.set("expressions", [change(inner.expressions[0])])
    elif isinstance(inner, exp.Order):
        inner.set("this", change(inner.this))
    else:
        node.set("this", change(inner))


def _numeric(node: exp.Expr, given: exp.DataType) -> None:
    if not is_number(given) and given not in (STRING, NULL, UNKNOWN):
        name = node.sql_name() if isinstance(node, exp.Func) else node.key
        raise Refused(f"{name} takes numbers in Spark, not {given.sql('spark').lower()}. Cast the value to a number.")


def _sum_type(node: exp.Expr) -> exp.DataType:
    given = of(_argument(node))
    _numeric(node, given)
    if is_decimal(given):
        precision, scale = digits(given)
        return decimal(precision + 10, scale)
    return BIGINT if is_integer(given) else UNKNOWN if given == UNKNOWN else DOUBLE


def _real_argument(node: exp.Expr) -> None:
    given = of(_argument(node))
    _numeric(node, given)
    if given != UNKNOWN and not is_integer(given) and not is_decimal(given):
        _set_argument(node, lambda value: convert(value, DOUBLE))


def _sum_result(node: exp.Expr) -> exp.Expr | None:
    """A sum of whole numbers wraps; one of decimals has ten digits more, and is NULL beyond them."""
    core = _core(node)
    given = of(_argument(core))
    if is_integer(given):
        return call("spark_wrap_bigint", cast(node, "HUGEINT")) if given == BIGINT else cast(node, "BIGINT")
    if is_decimal(given):
        precision, scale = digits(given)
        return cast(node, duckdb_type(decimal(precision + 10, scale)), safe=True)
    return None


def _avg_type(node: exp.Expr) -> exp.DataType:
    given = of(_argument(node))
    _numeric(node, given)
    if is_decimal(given):
        precision, scale = digits(given)
        return decimal(precision + 4, scale + 4)
    return UNKNOWN if given == UNKNOWN else DOUBLE


def _core(node: exp.Expr) -> exp.Expr:
    """The function that FILTER, WITHIN GROUP and OVER are around."""
    while isinstance(node, _HOLDERS):
        node = node.this
    return node


def _with_core(node: exp.Expr, change: Callable[[exp.Expr], exp.Expr]) -> exp.Expr:
    """A copy of a function and what is around it, with another function in its place."""
    copied = node.copy()
    core = _core(copied)
    made = change(core)
    if core is copied:
        return made
    core.replace(made)
    return copied


def _avg_result(node: exp.Expr) -> exp.Expr | None:
    """An average of decimals is the exact quotient of sum and count, four digits longer, rounded half up."""
    core = _core(node)
    given = of(_argument(core))
    if not is_decimal(given):
        return None
    precision, scale = digits(given)
    to = decimal(precision + 4, scale + 4)
    added = digits(to)[1] - scale
    total = _with_core(node, lambda each: exp.Sum(this=each.this))
    count = _with_core(node, lambda each: exp.Count(this=each.this))
    if precision + 10 + scale > MOST_DIGITS:
        return natively("/", total, count, to)
    total = call("spark_unscaled", cast(total, f"DECIMAL({MOST_DIGITS},{scale})"), power(scale))
    quotient = call("spark_rounded_quotient", total, cast(count, "HUGEINT"), power(added))
    return cast(call("spark_scaled", quotient, unit(digits(to)[1])), duckdb_type(to), safe=True)


def _doubles(node: exp.Expr) -> None:
    given = of(_argument(node))
    _numeric(node, given)
    _set_argument(node, lambda value: convert(value, DOUBLE))
    if node.args.get("expression") is not None:
        node.set("expression", convert(node.expression, DOUBLE))


def _corr_result(node: exp.Expr) -> exp.Expr:
    """Of one row, or of a column that does not vary, there is none; DuckDB says NaN, as it does of NaN."""

    def of_values(core: exp.Expr) -> exp.Expr:
        both = exp.Add(this=exp.paren(core.this.copy()), expression=exp.paren(core.expression.copy()))
        return exp.Sum(this=both)

    return call("spark_correlation", node, _with_core(node, of_values))


def _skewness_result(node: exp.Expr) -> exp.Expr:
    """Spark's is the population's."""
    count = _with_core(node, lambda core: exp.Count(this=core.this))
    spread = _with_core(node, lambda core: exp.VariancePop(this=core.this))
    return call("spark_skewness", node, cast(count, "DOUBLE"), spread)


def _kurtosis(node: exp.Expr) -> exp.Expr:
    _doubles(node)
    return call("kurtosis_pop", node.this)


def _quantile(node: exp.Expr) -> exp.Expr:
    """Spark's percentile interpolates, in DOUBLE whatever the column."""
    _doubles(node)
    return call("quantile_cont", node.this, _share(node.args["quantile"]))


def _median(node: exp.Expr) -> exp.Expr:
    _doubles(node)
    return call("quantile_cont", node.this, cast(exp.Literal.string("0.5"), "DOUBLE"))


def _share(node: exp.Expr) -> exp.Expr:
    return node if isinstance(node, exp.Array | exp.List) else cast(node, "DOUBLE")


def _quantile_type(node: exp.Expr) -> exp.DataType:
    return UNKNOWN if isinstance(node.args.get("quantile"), exp.Array) else DOUBLE


def _approximate_type(node: exp.Expr) -> exp.DataType:
    given = of(_argument(node))
    if isinstance(node.args.get("quantile"), exp.Array):
        return UNKNOWN
    return DOUBLE if given in (STRING, NULL) else given


def _approximate(node: exp.Expr) -> exp.Expr:
    """A value of the column; here the exact one, which is within every accuracy."""
    given = of(_argument(node))
    if given in (STRING, NULL):
        _set_argument(node, lambda value: convert(value, DOUBLE))
    elif given == BOOLEAN:
        raise Refused("approx_percentile takes numbers, dates and times in Spark.")
    return call("quantile_disc", node.this, _share(node.args["quantile"]))


def _within(node: exp.Expr) -> exp.Expr:
    """percentile_cont(0.5) WITHIN GROUP (ORDER BY x): of DOUBLE, as percentile; the largest first is its opposite."""
    order, function = node.expression, node.this
    if not isinstance(function, exp.PercentileCont | exp.PercentileDisc) or not isinstance(order, exp.Order):
        raise Refused("WITHIN GROUP is for percentile_cont and percentile_disc.")
    if len(order.expressions) != 1:
        raise Refused("WITHIN GROUP takes one value to order by.")
    ordered = order.expressions[0]
    value = convert(ordered.this, DOUBLE)
    opposite = -1 if ordered.args.get("desc") else 1
    name = "quantile_cont" if isinstance(function, exp.PercentileCont) else "quantile_disc"
    share = _share(function.this)
    if opposite == -1 and name == "quantile_cont":
        share = exp.paren(exp.Sub(this=exp.Literal.number(1), expression=exp.paren(share)))
        return call(name, value, cast(share, "DOUBLE"))
    if opposite == -1:
        return call("spark_opposite", call(name, call("spark_opposite", value), share))
    return call(name, value, share)


def _any_row(node: exp.Expr) -> exp.Expr:
    """Spark's any_value is first, NULLs counted; DuckDB's passes over them."""
    return exp.First(this=node.this)


def _first_value(node: exp.Expr) -> exp.Expr | None:
    if _is_windowed(node):
        return None
    return (exp.First if isinstance(node, exp.FirstValue) else exp.Last)(this=node.this)


def _is_windowed(node: exp.Expr) -> bool:
    while isinstance(node.parent, _HOLDERS):
        node = node.parent
        if isinstance(node, exp.Window):
            return True
    return False


def _present(node: exp.Expr) -> exp.Expr | None:
    """IGNORE NULLS of first and last: in a window DuckDB's own; in a group, of the rows that have a value."""
    core = node.this
    if isinstance(node.parent, exp.Window):
        names = {exp.First: exp.FirstValue, exp.Last: exp.LastValue, exp.AnyValue: exp.FirstValue}
        kind = names.get(type(core))
        if kind is not None:
            made = kind(this=core.this)
            made.type = core.type
            node.set("this", made)
        return None
    value = core.this
    present = exp.Not(this=exp.Is(this=exp.paren(value.copy()), expression=exp.Null()))
    kind = exp.Last if isinstance(core, exp.Last | exp.LastValue) else exp.First
    if isinstance(node.parent, exp.Filter):
        raise Refused("FILTER beside IGNORE NULLS is not available; put both conditions into FILTER.")
    return exp.Filter(this=kind(this=value), expression=exp.Where(this=present))


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
    return lambda node: call(name, node.this, node.expression)


def _condition(node: exp.Expr) -> None:
    given = of(_argument(node))
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


def _shifted_type(node: exp.Expr) -> exp.DataType:
    return of(node.this)


def _shifted(node: exp.Expr) -> None:
    default = node.args.get("default")
    if default is not None:
        node.set("default", convert(default, of(node.this)))


def _range(node: exp.Expr) -> None:
    """Days in a frame over dates are a number in Spark, an interval in DuckDB."""
    spec, order = node.args.get("spec"), node.args.get("order")
    ordered = order.expressions[0].this if order is not None and order.expressions else None
    if spec is None or of(ordered) != DATE or str(spec.args.get("kind") or "").upper() != "RANGE":
        return
    for side in ("start", "end"):
        edge = spec.args.get(side)
        if isinstance(edge, exp.Interval):
            raise Refused("A RANGE over dates counts days in Spark: RANGE BETWEEN 30 PRECEDING ..., without INTERVAL.")
        if isinstance(edge, exp.Literal):
            spec.set(side, exp.Interval(this=exp.Literal.string(edge.name), unit=exp.Var(this="DAY")))


_ORDERED = (
    exp.RowNumber,
    exp.Rank,
    exp.DenseRank,
    exp.PercentRank,
    exp.CumeDist,
    exp.Ntile,
    exp.Lag,
    exp.Lead,
    exp.NthValue,
)


def _window(node: exp.Expr) -> None:
    _range(node)
    core = node.this
    while isinstance(core, _HOLDERS) and not isinstance(core, exp.Window):
        if isinstance(core, exp.Filter):
            raise Refused("FILTER of a window function is not available in Spark; use CASE inside the function.")
        core = core.this
    if isinstance(core, _ORDERED) and not node.args.get("order"):
        raise Refused(f"{core.sql_name()} needs a window with ORDER BY, in Spark as well.")
    if isinstance(core, exp.Expr) and isinstance(core.args.get("this"), exp.Distinct):
        raise Refused("DISTINCT in a window function is not available in Spark.")


def _same(node: exp.Expr) -> exp.DataType:
    return of(_argument(node))


def _held(node: exp.Expr) -> exp.DataType:
    return of(node.this)


def _within_type(node: exp.Expr) -> exp.DataType:
    percentile = isinstance(node.this, exp.PercentileCont | exp.PercentileDisc)
    return DOUBLE if percentile else of(node.this)


_OF_DOUBLES = (
    exp.Stddev,
    exp.StddevPop,
    exp.StddevSamp,
    exp.Variance,
    exp.VariancePop,
    exp.Corr,
    exp.CovarPop,
    exp.CovarSamp,
    exp.Skewness,
    exp.RegrAvgx,
    exp.RegrAvgy,
    exp.RegrSlope,
    exp.RegrIntercept,
    exp.RegrR2,
    exp.RegrSxx,
    exp.RegrSyy,
    exp.RegrSxy,
)
_OF_CONDITIONS = (exp.LogicalAnd, exp.LogicalOr, exp.CountIf)
_RANKS = (exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile)
_SAME = (
    exp.Min,
    exp.Max,
    exp.First,
    exp.Last,
    exp.AnyValue,
    exp.FirstValue,
    exp.LastValue,
    exp.NthValue,
    exp.ArgMax,
    exp.ArgMin,
    exp.BitwiseAndAgg,
    exp.BitwiseOrAgg,
    exp.BitwiseXorAgg,
)

TYPES: Mapping[type[exp.Expr], TypeRule] = {
    **dict.fromkeys(_OF_DOUBLES, always(DOUBLE)),
    **dict.fromkeys(_RANKS, always(INT)),
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys((exp.Filter, exp.IgnoreNulls, exp.RespectNulls, exp.Window), _held),
    exp.WithinGroup: _within_type,
    exp.Count: always(BIGINT),
    exp.CountIf: always(BIGINT),
    exp.RegrCount: always(BIGINT),
    exp.PercentileDisc: always(DOUBLE),
    exp.ApproxDistinct: always(BIGINT),
    exp.LogicalAnd: always(BOOLEAN),
    exp.LogicalOr: always(BOOLEAN),
    exp.Sum: _sum_type,
    exp.Avg: _avg_type,
    exp.Kurtosis: always(DOUBLE),
    exp.Quantile: _quantile_type,
    exp.PercentileCont: always(DOUBLE),
    exp.Median: always(DOUBLE),
    exp.ApproxQuantile: _approximate_type,
    exp.Grouping: always(TINYINT),
    exp.GroupingId: always(BIGINT),
    exp.PercentRank: always(DOUBLE),
    exp.CumeDist: always(DOUBLE),
    exp.Lag: _shifted_type,
    exp.Lead: _shifted_type,
}
NAMED_TYPES: Mapping[str, TypeRule] = {}
RULES: Mapping[type[exp.Expr], Rule] = {
    **dict.fromkeys(_OF_DOUBLES, _doubles),
    **dict.fromkeys(_OF_CONDITIONS, _condition),
    exp.Sum: _real_argument,
    exp.Avg: _real_argument,
    exp.Kurtosis: _kurtosis,
    exp.Quantile: _quantile,
    exp.Median: _median,
    exp.ApproxQuantile: _approximate,
    exp.WithinGroup: _within,
    exp.AnyValue: _any_row,
    exp.FirstValue: _first_value,
    exp.LastValue: _first_value,
    exp.IgnoreNulls: _present,
    exp.Count: _count,
    exp.ArgMax: _by("arg_max_null"),
    exp.ArgMin: _by("arg_min_null"),
    exp.GroupingId: _grouping_id,
    exp.Lag: _shifted,
    exp.Lead: _shifted,
    exp.Window: _window,
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
    exp.RowNumber: becomes("INT"),
    exp.Rank: becomes("INT"),
    exp.DenseRank: becomes("INT"),
    exp.Ntile: becomes("INT"),
}
