"""Functions of numbers: rounding as Java rounds, and NULL where a logarithm has no value."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark.arguments import rules
from whiteroom.engines.duckdb.spark.arithmetic import shift
from whiteroom.engines.duckdb.spark.building import call, cast
from whiteroom.engines.duckdb.spark.casts import convert, duckdb_type
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.numbers import (
    FUNCTIONS,
    as_decimal,
    decimal_places,
    numeric_argument,
    rounded_decimal,
    whole_type,
)
from whiteroom.sql.spark.types import (
    BIGINT,
    DOUBLE,
    INT,
    MOST_DIGITS,
    NULL,
    STRING,
    UNKNOWN,
    decimal,
    digits,
    is_decimal,
    is_integer,
    of,
)

_MOST_PLACES = 18


def _real(name: str) -> Rule:
    """A function of DuckDB's, or a macro, of one DOUBLE."""
    return lambda node: call(name, convert(node.this, DOUBLE))


def _real_named(name: str) -> Rule:
    """The same of a function without a class."""
    return lambda node: call(name, convert(node.expressions[0], DOUBLE))


def _two_reals(name: str) -> Rule:
    return lambda node: call(name, convert(node.this, DOUBLE), convert(node.expression, DOUBLE))


def _number(node: exp.Expr) -> exp.Expr:
    """The same as a number."""
    value = numeric_argument(node)
    return convert(value, DOUBLE) if of(value) in (STRING, NULL) else value


def _rounded(even: bool) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr | None:
        value, places = _number(node), decimal_places(node)
        given = of(value)
        if given == UNKNOWN:
            return None
        if is_decimal(given):
            return _round_decimal(value, places, even=even)
        if is_integer(given):
            return _round_integer(value, places, even=even)
        if abs(places) > _MOST_PLACES:
            raise Refused(f"Numbers are rounded to at most {_MOST_PLACES} digits here.")
        name = "spark_rounded_even" if even else "spark_rounded"
        made = call(name, cast(value, "DOUBLE"), places, cast(exp.Literal.string(f"1e{places}"), "DOUBLE"))
        return made if given == DOUBLE else cast(made, duckdb_type(given))

    return rule


def _round_decimal(value: exp.Expr, places: int, *, even: bool) -> exp.Expr:
    given = digits(of(value))
    to = rounded_decimal(given, places)
    if places >= given[1]:
        return cast(value, duckdb_type(to), safe=True)
    if not even:
        if places < 0:
            return cast(
                call("round", cast(value, f"DECIMAL({min(given[0] + 1, MOST_DIGITS)},{given[1]})"), places),
                duckdb_type(to),
                safe=True,
            )
        return cast(value, duckdb_type(to), safe=True)
    if places < 0:
        raise Refused("bround of decimals to tens and more is not available; cast the value to DOUBLE.")
    return cast(call("round_even", value, places), duckdb_type(to), safe=True)


def _round_integer(value: exp.Expr, places: int, *, even: bool) -> exp.Expr:
    given = of(value)
    if places >= 0:
        return exp.paren(value)
    name = "round_even" if even else "round"
    if even:
        raise Refused("bround of whole numbers to tens and more is not available; cast the value to DOUBLE.")
    whole = call(name, cast(value, "DECIMAL(38,0)"), max(places, -38))
    return call(f"spark_wrap_{given.this.value.lower()}", cast(whole, "HUGEINT"))


def _whole(name: str) -> Rule:
    def rule(node: exp.Expr) -> exp.Expr | None:
        value = _number(node)
        given = of(value)
        if given == UNKNOWN:
            return None
        if node.args.get("decimals") is not None:
            return _whole_places(node, name)
        if is_integer(given):
            return cast(value, "BIGINT")
        if is_decimal(given):
            return cast(call(name, value), duckdb_type(whole_type(node)), safe=True)
        return call("spark_double_to_bigint", call(name, cast(value, "DOUBLE")))

    return rule


def _whole_places(node: exp.Expr, name: str) -> exp.Expr:
    places, to = decimal_places(node), whole_type(node)
    precision, scale = as_decimal(of(node.this))
    value = convert(node.this, decimal(precision, scale))
    if places >= scale:
        return cast(value, duckdb_type(to), safe=True)
    if places < 0 or precision + places > MOST_DIGITS:
        raise Refused(f"{name} takes a number of digits that is not negative, of a decimal that is not too long.")
    step = cast(exp.Literal.string(str(10**places)), f"DECIMAL({places + 1},0)")
    whole = call(name, exp.Mul(this=exp.paren(value), expression=step))
    least = "0." + "0" * (places - 1) + "1" if places else "1"
    unit = cast(exp.Literal.string(least), f"DECIMAL({max(places, 1)},{places})")
    whole = cast(whole, f"DECIMAL({MOST_DIGITS},0)")
    return cast(exp.paren(exp.Mul(this=whole, expression=unit)), duckdb_type(to), safe=True)


def _log(node: exp.Expr) -> exp.Expr:
    """LOG(base, value)."""
    if node.expression is None:
        return call("spark_ln", convert(node.this, DOUBLE))
    base, value = node.this, convert(node.expression, DOUBLE)
    if isinstance(base, exp.Literal) and base.name in {"2", "10"}:
        return call(f"spark_log{base.name}", value)
    return call("spark_log", convert(base, DOUBLE), value)


def _factorial(node: exp.Expr) -> exp.Expr:
    return call("spark_factorial", convert(node.this, INT))


def _count_bits(node: exp.Expr) -> exp.Expr:
    given = of(node.this)
    value = node.this if is_integer(given) else convert(node.this, BIGINT)
    return cast(call("bit_count", cast(value, "BIGINT")), "INTEGER")


def _hypot(node: exp.Expr) -> exp.Expr:
    return call("spark_hypot", *(convert(each, DOUBLE) for each in node.expressions))


def _positive(node: exp.Expr) -> exp.Expr:
    return exp.paren(_number(node))


def _width_bucket(node: exp.Expr) -> exp.Expr:
    parts = [convert(node.args[name], DOUBLE) for name in ("this", "min_value", "max_value")]
    return call("spark_width_bucket", *parts, convert(node.args["num_buckets"], BIGINT))


_REALS = {
    exp.Sqrt: "sqrt",
    exp.Cbrt: "cbrt",
    exp.Exp: "exp",
    exp.Ln: "spark_ln",
    exp.Sin: "sin",
    exp.Cos: "cos",
    exp.Tan: "tan",
    exp.Asin: "asin",
    exp.Acos: "acos",
    exp.Atan: "atan",
    exp.Degrees: "degrees",
    exp.Radians: "radians",
    exp.Sign: "spark_sign",
    exp.Rint: "spark_rint",
    exp.Sinh: "sinh",
    exp.Cosh: "cosh",
    exp.Tanh: "tanh",
}

RULES: Mapping[type[exp.Expr], Rule] = {
    **{kind: _real(name) for kind, name in _REALS.items()},
    exp.Pow: _two_reals("pow"),
    exp.Atan2: _two_reals("atan2"),
    exp.Log: _log,
    exp.Round: _rounded(even=False),
    exp.Ceil: _whole("ceil"),
    exp.Floor: _whole("floor"),
    exp.Factorial: _factorial,
    exp.BitwiseCount: _count_bits,
    exp.WidthBucket: _width_bucket,
}
NAMED: Mapping[str, Rule] = rules(
    FUNCTIONS,
    {
        "LOG1P": _real_named("spark_log1p"),
        "EXPM1": _real_named("spark_expm1"),
        "HYPOT": _hypot,
        "E": lambda _node: call("exp", cast(exp.Literal.number(1), "DOUBLE")),
        "BROUND": _rounded(even=True),
        "POSITIVE": _positive,
        "SHIFTRIGHTUNSIGNED": shift,
    },
)
RESULTS: Mapping[type[exp.Expr], Rule] = {}
