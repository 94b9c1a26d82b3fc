"""The types of functions of numbers."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.arguments import Function
from whiteroom.sql.spark.arithmetic import shift_type
from whiteroom.sql.spark.building import TypeRule, always
from whiteroom.sql.spark.types import (
    BIGINT,
    DOUBLE,
    FLOAT,
    INT,
    NULL,
    STRING,
    UNKNOWN,
    decimal,
    digits,
    is_decimal,
    is_integer,
    is_number,
    of,
)


def numeric_argument(node: exp.Expr) -> exp.Expr:
    """The first argument, which is a number or text of one."""
    value: exp.Expr = node.expressions[0] if isinstance(node, exp.Anonymous) else node.this
    given = of(value)
    if given not in (STRING, NULL, UNKNOWN) and not is_number(given):
        raise Refused(f"Spark does not round {given.sql('spark').lower()}; cast it to a number.")
    return value


def decimal_places(node: exp.Expr) -> int:
    """How many digits are kept; Spark takes a constant."""
    if isinstance(node, exp.Anonymous):
        given = node.expressions[1] if len(node.expressions) > 1 else None
    else:
        given = node.args.get("decimals")
    sign = -1 if isinstance(given, exp.Neg) else 1
    literal = given.this if isinstance(given, exp.Neg) else given
    if literal is None:
        return 0
    if not isinstance(literal, exp.Literal) or literal.is_string or not literal.name.isdigit():
        raise Refused("A number is rounded to a number of digits that is written out, such as round(x, 2).")
    return sign * min(int(literal.name), 400)


def _rounded_type(node: exp.Expr) -> exp.DataType:
    value, places = numeric_argument(node), decimal_places(node)
    given = DOUBLE if of(value) in (STRING, NULL) else of(value)
    if not is_decimal(given):
        return given
    return rounded_decimal(digits(given), places)


def rounded_decimal(given: tuple[int, int], places: int) -> exp.DataType:
    """The type of a decimal that is rounded to so many places."""
    whole = given[0] - given[1] + 1
    if places < 0:
        return decimal(max(whole, -places + 1), 0)
    scale = min(given[1], places)
    return decimal(whole + scale, scale)


def whole_type(node: exp.Expr) -> exp.DataType:
    """The type of ceil and floor."""
    given = of(node.this)
    if node.args.get("decimals") is not None:
        return _ceiled_decimal(node)
    if is_decimal(given):
        precision, scale = digits(given)
        return decimal(precision - scale + 1, 0) if scale else given
    return UNKNOWN if given == UNKNOWN else BIGINT


def as_decimal(given: exp.DataType) -> tuple[int, int]:
    """What Spark casts the argument of ceil and floor with digits to."""
    if is_decimal(given) or is_integer(given):
        return digits(given)
    return (14, 7) if given == FLOAT else (30, 15)


def _ceiled_decimal(node: exp.Expr) -> exp.DataType:
    given = of(node.this)
    if given == UNKNOWN:
        return UNKNOWN
    return rounded_decimal(as_decimal(given), decimal_places(node))


def _positive_type(node: exp.Expr) -> exp.DataType:
    given = of(node.expressions[0])
    return DOUBLE if given in (STRING, NULL) else given


_OF_REALS = (
    exp.Sqrt,
    exp.Cbrt,
    exp.Exp,
    exp.Ln,
    exp.Sin,
    exp.Cos,
    exp.Tan,
    exp.Asin,
    exp.Acos,
    exp.Atan,
    exp.Degrees,
    exp.Radians,
    exp.Sign,
    exp.Rint,
    exp.Sinh,
    exp.Cosh,
    exp.Tanh,
)

TYPES: Mapping[type[exp.Expr], TypeRule] = {
    **dict.fromkeys(_OF_REALS, always(DOUBLE)),
    exp.Pow: always(DOUBLE),
    exp.Atan2: always(DOUBLE),
    exp.Log: always(DOUBLE),
    exp.Pi: always(DOUBLE),
    exp.Round: _rounded_type,
    exp.Ceil: whole_type,
    exp.Floor: whole_type,
    exp.Factorial: always(BIGINT),
    exp.BitwiseCount: always(INT),
    exp.WidthBucket: always(BIGINT),
}
FUNCTIONS: Mapping[str, Function] = {
    "LOG1P": Function(1, 1, "DOUBLE"),
    "EXPM1": Function(1, 1, "DOUBLE"),
    "HYPOT": Function(2, 2, "DOUBLE"),
    "E": Function(0, 0, "DOUBLE"),
    "BROUND": Function(1, 2, _rounded_type),
    "POSITIVE": Function(1, 1, _positive_type),
    "SHIFTRIGHTUNSIGNED": Function(2, 2, shift_type),
}
NAMED_TYPES: Mapping[str, TypeRule] = {}
