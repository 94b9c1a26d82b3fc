"""The types of + - * / and of whatever else computes with numbers: Spark's precision and scale."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlglot import exp

from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark import intervals
from whiteroom.sql.spark.building import TypeRule
from whiteroom.sql.spark.types import (
    BIGINT,
    DATE,
    DOUBLE,
    INT,
    INTERVAL,
    MOST_DIGITS,
    NULL,
    STRING,
    TIMESTAMP,
    UNKNOWN,
    adjusted,
    decimal,
    digits,
    is_decimal,
    is_integer,
    is_number,
    is_real,
    literal_digits,
    of,
    tightest,
)

_TIMES = (DATE, TIMESTAMP, INTERVAL)

Digits = tuple[int, int]


def operand_types(node: exp.Expr, left: exp.Expr, right: exp.Expr) -> tuple[exp.DataType, exp.DataType] | None:
    """The types in which the operands of + - * / % are taken; None where one is not known, or a time.

    Raises:
        Refused: Spark does not compute with them.
    """
    first, second = of(left), of(right)
    if UNKNOWN in (first, second) or first in _TIMES or second in _TIMES:
        return None
    first, second = (DOUBLE if each == STRING else each for each in (first, second))
    if NULL in (first, second):
        other = second if first == NULL else first
        other = DOUBLE if other == NULL else other
        first = second = other
    if not is_number(first) or not is_number(second):
        raise Refused(
            f"Spark does not compute {node.sql_name() if isinstance(node, exp.Func) else node.key.upper()} of "
            f"{of(left).sql('spark').lower()} and {of(right).sql('spark').lower()}."
        )
    if is_decimal(first) or is_decimal(second):
        if is_real(first) or is_real(second):
            return DOUBLE, DOUBLE
        # A NULL is a number of the other's type.
        here, there = (right if of(left) == NULL else left), (left if of(right) == NULL else right)
        return decimal(*literal_digits(here)), decimal(*literal_digits(there))
    common = tightest(first, second)
    return (common, common) if common is not None else None


def sum_type(first: Digits, second: Digits) -> Digits:
    """Precision and scale of a sum or a difference."""
    scale = max(first[1], second[1])
    return max(first[0] - first[1], second[0] - second[1]) + scale + 1, scale


def _product_type(first: Digits, second: Digits) -> Digits:
    return first[0] + second[0] + 1, first[1] + second[1]


def _quotient_type(first: Digits, second: Digits) -> Digits:
    scale = max(6, first[1] + second[0] + 1)
    return first[0] - first[1] + second[1] + scale, scale


def _remainder_type(first: Digits, second: Digits) -> Digits:
    scale = max(first[1], second[1])
    return min(first[0] - first[1], second[0] - second[1]) + scale, scale


DECIMALS: Mapping[type[exp.Expr], Callable[[Digits, Digits], Digits]] = {
    exp.Add: sum_type,
    exp.Sub: sum_type,
    exp.Mul: _product_type,
    exp.Div: _quotient_type,
    exp.Mod: _remainder_type,
}


def operand_sides(node: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    """Both operands, of an operator or a function of its name."""
    if isinstance(node, exp.Anonymous):
        return node.expressions[0], node.expressions[1]
    return node.this, node.expression


def result_type(node: exp.Expr) -> exp.DataType:
    """The type of an operator over two numbers."""
    left, right = operand_sides(node)
    kind = exp.Mod if isinstance(node, exp.Anonymous) else type(node)
    taken = operand_types(node, left, right)
    if taken is None:
        return intervals.moved_type(node) if kind in (exp.Add, exp.Sub) else UNKNOWN
    if is_decimal(taken[0]):
        return adjusted(*DECIMALS[kind](digits(taken[0]), digits(taken[1])))
    return DOUBLE if kind is exp.Div else taken[0]


def _negated_type(node: exp.Expr) -> exp.DataType:
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        return number_type(f"-{node.this.name}")
    given = of(node.this)
    return DOUBLE if given in (STRING, NULL) else given


def number_type(text: str) -> exp.DataType:
    """The type of a number as it is written.

    Raises:
        Refused: it has more digits than a decimal holds.
    """
    if "e" in text.lower():
        return DOUBLE
    whole, point, fraction = text.lstrip("-").partition(".")
    if not point:
        value = int(text)
        for spark_type, bits in ((INT, 31), (BIGINT, 63)):
            if -(2**bits) <= value < 2**bits:
                return spark_type
    count = len(whole.lstrip("0")) + len(fraction)
    precision = max(count if whole.strip("0") else len(fraction.lstrip("0")) or 1, len(fraction), 1)
    if precision > MOST_DIGITS:
        raise Refused(f"The number {text[:50]} has more than {MOST_DIGITS} digits, the most of a decimal.")
    return decimal(precision, len(fraction))


def bits_type(node: exp.Expr) -> exp.DataType:
    """The type of an operator over bits."""
    first, second = of(node.this), of(node.expression)
    if not is_integer(first) or not is_integer(second):
        if UNKNOWN in (first, second):
            return UNKNOWN
        raise Refused("Spark's operators of bits take whole numbers; cast their operands.")
    return tightest(first, second) or UNKNOWN


def shift_type(node: exp.Expr) -> exp.DataType:
    """The type of a shift of bits."""
    left, _ = operand_sides(node)
    given = of(left)
    return given if given in (BIGINT, UNKNOWN) else INT


def _literal_type(node: exp.Expr) -> exp.DataType:
    return STRING if node.args.get("is_string") else number_type(node.name)


OPERATORS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod)

BITS = (exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor)

TYPES: Mapping[type[exp.Expr], TypeRule] = {
    **dict.fromkeys(OPERATORS, result_type),
    **dict.fromkeys(BITS, bits_type),
    exp.IntDiv: lambda _node: BIGINT,
    exp.Literal: _literal_type,
    exp.Neg: _negated_type,
    exp.Abs: _negated_type,
    exp.BitwiseNot: lambda node: of(node.this),
    exp.BitwiseLeftShift: shift_type,
    exp.BitwiseRightShift: shift_type,
}
NAMED_TYPES: Mapping[str, TypeRule] = {"PMOD": result_type}
