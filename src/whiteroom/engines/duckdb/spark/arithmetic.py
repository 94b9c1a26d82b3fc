"""Arithmetic: the types that Spark computes in, integers that wrap, decimals of its precision and scale."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.engines.duckdb.spark import intervals
from whiteroom.engines.duckdb.spark.building import call, cast, once_only, repeating
from whiteroom.engines.duckdb.spark.casts import convert, duckdb_type
from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.arithmetic import (
    BITS,
    DECIMALS,
    OPERATORS,
    bits_type,
    operand_sides,
    operand_types,
    result_type,
    shift_type,
    sum_type,
)
from whiteroom.sql.spark.building import Rule
from whiteroom.sql.spark.types import (
    BIGINT,
    DOUBLE,
    INT,
    INTERVAL,
    MOST_DIGITS,
    NULL,
    STRING,
    UNKNOWN,
    digits,
    is_decimal,
    is_integer,
    is_number,
    is_real,
    literal_digits,
    of,
)

_OF_BIGINTS: Mapping[type[exp.Expr], str] = {
    exp.Add: "spark_add_bigint",
    exp.Sub: "spark_subtract_bigint",
    exp.Mul: "spark_multiply_bigint",
}

_SYMBOLS: Mapping[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}


def _arithmetic(node: exp.Expr) -> exp.Expr | None:
    left, right = operand_sides(node)
    taken = operand_types(node, left, right)
    if taken is None:
        return intervals.moved(node) if isinstance(node, exp.Add | exp.Sub) else None
    kind = type(node)
    if is_decimal(taken[0]):
        return _of_decimals(kind, convert(left, taken[0]), convert(right, taken[1]), result_type(node))
    if kind is exp.Div:
        return call("spark_divide", convert(left, DOUBLE), convert(right, DOUBLE))
    first, second = convert(left, taken[0]), convert(right, taken[1])
    if kind is exp.Mod:
        name = "spark_modulo" if is_real(taken[0]) else "spark_integer_modulo"
        return cast(call(name, first, second), duckdb_type(taken[0]))
    if is_real(taken[0]):
        return exp.paren(kind(this=exp.paren(first), expression=exp.paren(second)))
    return _wrapping(kind, first, second, taken[0])


def _wrapping(kind: type[exp.Expr], first: exp.Expr, second: exp.Expr, common: exp.DataType) -> exp.Expr:
    if common == BIGINT and not once_only(first, second):
        return repeating(call(_OF_BIGINTS[kind], cast(first, "BIGINT"), cast(second, "BIGINT")))
    wide = "HUGEINT" if common == BIGINT else "BIGINT"
    whole = kind(this=cast(first, wide), expression=cast(second, wide))
    return call(f"spark_wrap_{common.this.value.lower()}", whole)


def _of_decimals(kind: type[exp.Expr], first: exp.Expr, second: exp.Expr, to: exp.DataType) -> exp.Expr:
    one, other = digits(of(first)), digits(of(second))
    precision = DECIMALS[kind](one, other)[0]
    exact = precision <= MOST_DIGITS
    if kind is exp.Div:
        return _quotient(first, second, to, exact=exact)
    if kind is exp.Mod:
        common = sum_type(one, other)[0] - 1
        if common > MOST_DIGITS:
            return natively("%", first, second, to)
        both = f"DECIMAL({common},{max(one[1], other[1])})"
        return cast(call("spark_modulo", cast(first, both), cast(second, both)), duckdb_type(to))
    if exact:
        # DuckDB computes in the width of its operands: the first has room for the result.
        room = precision if kind is exp.Mul else precision - digits(to)[1] + one[1]
        wide = cast(first, f"DECIMAL({min(room, MOST_DIGITS)},{one[1]})")
        return cast(exp.paren(kind(this=wide, expression=exp.paren(second))), duckdb_type(to))
    whole_scale = one[1] + other[1] if kind is exp.Mul else max(one[1], other[1])
    if whole_scale > MOST_DIGITS or once_only(first, second):
        return natively(_SYMBOLS[kind], first, second, to)
    # Most values have fewer digits than their types: where they fit, they are computed without Python.
    wide = cast(first.copy(), f"DECIMAL({MOST_DIGITS},{one[1]})", safe=True)
    tried = call("TRY", kind(this=wide, expression=exp.paren(second.copy())))
    return repeating(
        call("COALESCE", cast(tried, duckdb_type(to), safe=True), natively(_SYMBOLS[kind], first, second, to))
    )


def _quotient(first: exp.Expr, second: exp.Expr, to: exp.DataType, *, exact: bool) -> exp.Expr:
    """Whole numbers, divided and rounded half up: what DuckDB divides itself becomes DOUBLE."""
    one, other = digits(of(first)), digits(of(second))
    scale = digits(to)[1]
    shift = scale + other[1] - one[1]
    fits = one[0] + one[1] <= MOST_DIGITS and other[0] + other[1] <= MOST_DIGITS and 0 <= shift <= MOST_DIGITS
    if not fits or once_only(first, second):
        return natively("/", first, second, to)
    numerator = call("spark_unscaled", first, power(one[1]))
    denominator = call("spark_unscaled", second, power(other[1]))
    quotient = call("spark_rounded_quotient", numerator, denominator, power(shift))
    if exact:
        return repeating(cast(call("spark_scaled", quotient, unit(scale)), duckdb_type(to)))
    made = cast(call("TRY", call("spark_scaled", quotient, unit(scale))), duckdb_type(to), safe=True)
    return repeating(call("COALESCE", made, natively("/", first.copy(), second.copy(), to)))


def power(exponent: int) -> exp.Expr:
    """Ten to the power, as a whole number of DuckDB's widest type."""
    return cast(exp.Literal.string(str(10**exponent)), "HUGEINT")


def unit(scale: int) -> exp.Expr:
    """The least step of a decimal of that scale."""
    text = "0." + "0" * (scale - 1) + "1" if scale else "1"
    return cast(exp.Literal.string(text), f"DECIMAL({max(scale, 1)},{scale})")


def natively(symbol: str, first: exp.Expr, second: exp.Expr, to: exp.DataType) -> exp.Expr:
    """The same by a native function of ours: exact whatever the digits."""
    precision, scale = digits(to)
    made = call("spark_decimal", symbol, cast(first, "VARCHAR"), cast(second, "VARCHAR"), precision, scale)
    return cast(made, duckdb_type(to), safe=True)


def _positive_modulo(node: exp.Expr) -> exp.Expr | None:
    left, right = node.expressions
    taken = operand_types(node, left, right)
    if taken is None:
        return None
    to = result_type(node)
    if is_decimal(taken[0]):
        one, other = (digits(each) for each in taken)
        common = f"DECIMAL({min(sum_type(one, other)[0], MOST_DIGITS)},{max(one[1], other[1])})"
        first, second = cast(convert(left, taken[0]), common), cast(convert(right, taken[1]), common)
        return cast(
            call("spark_positive_modulo", first, exp.Nullif(this=second, expression=exp.Literal.number(0))),
            duckdb_type(to),
        )
    wide = None if is_real(to) else "HUGEINT" if to == BIGINT else "BIGINT"
    first, second = convert(left, to), convert(right, to)
    if wide is not None:
        first, second = cast(first, wide), cast(second, wide)
    divisor = exp.Nullif(this=second, expression=exp.Literal.number(0))
    return cast(call("spark_positive_modulo", first, divisor), duckdb_type(to))


def _whole_quotient(node: exp.Expr) -> exp.Expr | None:
    first, second = of(node.this), of(node.expression)
    if UNKNOWN in (first, second):
        return None
    if is_decimal(first) or is_decimal(second):
        one, other = literal_digits(node.this), literal_digits(node.expression)
        common = sum_type(one, other)[0] - 1
        scale = max(one[1], other[1])
        if common + scale > MOST_DIGITS:
            raise Refused("DIV over decimals of so many digits is beyond what the engine holds; cast them to fewer.")
        both = f"DECIMAL({common},{scale})"
        sides = [call("spark_unscaled", cast(each, both), power(scale)) for each in (node.this, node.expression)]
        return call("spark_wrap_bigint", call("spark_whole_divide", *sides))
    if not all(is_integer(each) or each == NULL for each in (first, second)):
        raise Refused("DIV takes whole numbers and decimals in Spark; cast its operands.")
    sides = [cast(convert(each, BIGINT), "HUGEINT") for each in (node.this, node.expression)]
    return call("spark_wrap_bigint", call("spark_whole_divide", *sides))


def _negated(node: exp.Expr) -> exp.Expr | None:
    given = of(node.this)
    if isinstance(node.this, exp.Literal) and not node.this.is_string:
        # The least integer, without its sign, is of the next type.
        return (
            cast(exp.paren(node), duckdb_type(of(node))) if is_integer(of(node)) and len(node.this.name) > 9 else None
        )
    if isinstance(node, exp.Neg) and given == INTERVAL:
        return None
    if given in (STRING, NULL):
        node.set("this", convert(node.this, DOUBLE))
    elif not is_number(given) and given != UNKNOWN:
        raise Refused(f"Spark does not take the opposite or the size of {given.sql('spark').lower()}.")
    name = "spark_opposite" if isinstance(node, exp.Neg) else "abs"
    if is_integer(given):
        wide = cast(node.this, "HUGEINT" if given == BIGINT else "BIGINT")
        return call(f"spark_wrap_{given.this.value.lower()}", call(name, wide))
    return call(name, node.this)


def _bits(node: exp.Expr) -> exp.Expr | None:
    common = bits_type(node)
    if common == UNKNOWN:
        return None
    names = {exp.BitwiseAnd: "&", exp.BitwiseOr: "|", exp.BitwiseXor: "xor"}
    first, second = (cast(convert(side, common), duckdb_type(common)) for side in (node.this, node.expression))
    if isinstance(node, exp.BitwiseXor):
        return call(names[type(node)], first, second)
    return exp.paren(type(node)(this=first, expression=second))


def shift(node: exp.Expr) -> exp.Expr | None:
    """As Java: by the lowest five or six bits of the count."""
    left, right = operand_sides(node)
    if UNKNOWN in (of(left), of(right)):
        return None
    to = shift_type(node)
    value, count = convert(left, to), convert(right, INT)
    kind = "left" if isinstance(node, exp.BitwiseLeftShift) else "right"
    kind = "right_unsigned" if isinstance(node, exp.Anonymous) else kind
    width = "bigint" if to == BIGINT else "int"
    return call(f"spark_shift_{kind}_{width}", cast(value, "HUGEINT" if to == BIGINT else "BIGINT"), count)


def _literal(node: exp.Expr) -> exp.Expr | None:
    """A number has Spark's type in DuckDB as well: 1.0 is a DECIMAL(2,1) in both, 0.5 is not."""
    if node.args.get("is_string") or (isinstance(node.parent, exp.Neg) and is_integer(of(node.parent))):
        return None
    given = of(node)
    plain = is_decimal(given) and "." in node.name and not node.name.startswith((".", "0"))
    if given in (INT, UNKNOWN) or plain:
        return None
    return cast(exp.Literal.string(node.name) if is_decimal(given) else node, duckdb_type(given))


RULES: Mapping[type[exp.Expr], Rule] = {
    **dict.fromkeys(OPERATORS, _arithmetic),
    **dict.fromkeys(BITS, _bits),
    exp.IntDiv: _whole_quotient,
    exp.Literal: _literal,
    exp.Neg: _negated,
    exp.Abs: _negated,
    exp.BitwiseLeftShift: shift,
    exp.BitwiseRightShift: shift,
}
NAMED: Mapping[str, Rule] = {"PMOD": _positive_modulo}
RESULTS: Mapping[type[exp.Expr], Rule] = {}
