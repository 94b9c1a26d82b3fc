"""Spark's types as values, and the rules by which two of them become one (Spark 3.5 without ANSI mode).

The rules are those of Spark's TypeCoercion and DecimalPrecision. A type is a DataType of sqlglot's, never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, partial

from sqlglot import exp

from whiteroom.sql.refusals import Refused

MOST_DIGITS = 38
_LEAST_SCALE = 6
"""Digits after the point that a result of too many digits keeps."""

Kind = exp.DType


@cache
def plain(kind: exp.DType) -> exp.DataType:
    """The type of a kind that has no parameters."""
    return exp.DataType(this=kind, nested=False)


BOOLEAN, TINYINT, SMALLINT, INT, BIGINT = map(plain, (Kind.BOOLEAN, Kind.TINYINT, Kind.SMALLINT, Kind.INT, Kind.BIGINT))
FLOAT, DOUBLE, STRING, BINARY = map(plain, (Kind.FLOAT, Kind.DOUBLE, Kind.TEXT, Kind.BINARY))
DATE, TIMESTAMP, NULL, UNKNOWN = map(plain, (Kind.DATE, Kind.TIMESTAMP, Kind.NULL, Kind.UNKNOWN))
INTERVAL = plain(Kind.INTERVAL)

_ALIASES = {
    Kind.VARCHAR: STRING,
    Kind.CHAR: STRING,
    Kind.NCHAR: STRING,
    Kind.NVARCHAR: STRING,
    Kind.NAME: STRING,
    Kind.VARBINARY: BINARY,
    Kind.TIMESTAMPTZ: TIMESTAMP,
    Kind.TIMESTAMPLTZ: TIMESTAMP,
    Kind.TIMESTAMPNTZ: TIMESTAMP,
    Kind.DATETIME: TIMESTAMP,
}
_PLAIN = {
    each.this: each
    for each in (
        BOOLEAN,
        TINYINT,
        SMALLINT,
        INT,
        BIGINT,
        FLOAT,
        DOUBLE,
        STRING,
        BINARY,
        DATE,
        TIMESTAMP,
        NULL,
        UNKNOWN,
        INTERVAL,
    )
}

_INTEGERS = (TINYINT, SMALLINT, INT, BIGINT)
_NUMBERS = (*_INTEGERS, FLOAT, DOUBLE)
_INTEGER_DIGITS = {TINYINT: 3, SMALLINT: 5, INT: 10, BIGINT: 20}


@cache
def decimal(precision: int, scale: int) -> exp.DataType:
    """A decimal, its digits bounded by what Spark holds."""
    parameters = (min(precision, MOST_DIGITS), min(scale, MOST_DIGITS))
    return exp.DataType(
        this=Kind.DECIMAL,
        expressions=[exp.DataTypeParam(this=exp.Literal.number(parameter)) for parameter in parameters],
        nested=False,
    )


def array(inner: exp.DataType = NULL) -> exp.DataType:
    """The type of arrays of one type; without `inner`, of arrays of NULLs."""
    return exp.DataType(this=Kind.ARRAY, expressions=[inner.copy()], nested=True)


def mapping(keys: exp.DataType, values: exp.DataType) -> exp.DataType:
    """The type of maps."""
    return exp.DataType(this=Kind.MAP, expressions=[keys.copy(), values.copy()], nested=True)


def is_array(spark_type: exp.DataType) -> bool:
    """Whether it is an array."""
    return bool(spark_type.this is Kind.ARRAY)


def is_map(spark_type: exp.DataType) -> bool:
    """Whether it is a map."""
    return bool(spark_type.this is Kind.MAP)


def inner(spark_type: exp.DataType, place: int = 0) -> exp.DataType:
    """What an array holds; a map's keys (0) or values (1)."""
    return normal(spark_type.expressions[place]) if len(spark_type.expressions) > place else UNKNOWN


def has_unknown(spark_type: exp.DataType) -> bool:
    """Whether the type, or a part of it, is unknown."""
    return spark_type == UNKNOWN or any(map(has_unknown, _parts(spark_type)))


def has_map(spark_type: exp.DataType) -> bool:
    """Whether it is a map or holds one: Spark neither compares those nor sorts by them."""
    return is_map(spark_type) or any(map(has_map, _parts(spark_type)))


def holds_struct(spark_type: exp.DataType) -> bool:
    """Whether it is a struct, or one is in it."""
    return spark_type.this is Kind.STRUCT or any(map(holds_struct, _parts(spark_type)))


def holds_real(spark_type: exp.DataType) -> bool:
    """Whether it is FLOAT or DOUBLE, or one is in it."""
    return is_real(spark_type) or any(map(holds_real, _parts(spark_type)))


def _parts(spark_type: exp.DataType) -> list[exp.DataType]:
    if spark_type.this is Kind.STRUCT:
        return [normal(field.args["kind"]) for field in spark_type.expressions if isinstance(field, exp.ColumnDef)]
    nested = is_array(spark_type) or is_map(spark_type)
    return [inner(spark_type, place) for place in range(len(spark_type.expressions))] if nested else []


def adjusted(precision: int, scale: int) -> exp.DataType:
    """The type of a decimal result: where it has too many digits, the fraction gives way (adjustPrecisionScale)."""
    if precision <= MOST_DIGITS:
        return decimal(precision, scale)
    return decimal(MOST_DIGITS, max(MOST_DIGITS - (precision - scale), min(scale, _LEAST_SCALE)))


def normal(spark_type: exp.DataType | None) -> exp.DataType:
    """The one value that stands for a type here: text of any length is text, every timestamp one of UTC."""
    if spark_type is None:
        return UNKNOWN
    kind = spark_type.this
    if kind is Kind.DECIMAL:
        given = [int(parameter.name) for parameter in spark_type.expressions]
        return decimal(given[0] if given else 10, given[1] if len(given) > 1 else 0)
    if kind in (Kind.ARRAY, Kind.LIST):
        return array(*map(normal, spark_type.expressions[:1]))
    if kind is Kind.MAP and len(spark_type.expressions) == 2:
        return mapping(*map(normal, spark_type.expressions))
    return _ALIASES.get(kind) or _PLAIN.get(kind) or spark_type


def of(node: exp.Expr | None) -> exp.DataType:
    """The Spark type of an annotated node."""
    return normal(node.type) if node is not None else UNKNOWN


def is_decimal(spark_type: exp.DataType) -> bool:
    """Whether it is a decimal."""
    return bool(spark_type.this is Kind.DECIMAL)


def is_integer(spark_type: exp.DataType) -> bool:
    """Whether it is an integer of any width."""
    return spark_type in _INTEGERS


def is_real(spark_type: exp.DataType) -> bool:
    """Whether it is FLOAT or DOUBLE."""
    return spark_type in (FLOAT, DOUBLE)


def is_number(spark_type: exp.DataType) -> bool:
    """Whether it is a number."""
    return is_decimal(spark_type) or spark_type in _NUMBERS


def is_nested(spark_type: exp.DataType) -> bool:
    """Whether it is an array, a map or a struct."""
    return spark_type.this in (Kind.ARRAY, Kind.MAP, Kind.STRUCT, Kind.LIST)


def digits(spark_type: exp.DataType) -> tuple[int, int]:
    """Precision and scale of a decimal, or of the decimal that holds every value of an integer type.

    Raises:
        Refused: it is of neither.
    """
    if is_decimal(spark_type):
        precision, scale = (int(parameter.name) for parameter in spark_type.expressions)
        return precision, scale
    if spark_type not in _INTEGER_DIGITS:
        raise Refused(f"Spark takes numbers beside a decimal here, and not {spark_type.sql('spark').lower()}. Cast it.")
    return _INTEGER_DIGITS[spark_type], 0


def literal_digits(node: exp.Expr) -> tuple[int, int]:
    """Precision and scale of a number beside a decimal: of an integer literal, its own digits."""
    inner = node.this if isinstance(node, exp.Neg) else node
    if isinstance(inner, exp.Literal) and not inner.is_string and is_integer(of(node)):
        return max(1, len(inner.name.lstrip("0"))), 0
    return digits(of(node))


def wider_decimal(first: tuple[int, int], second: tuple[int, int]) -> exp.DataType:
    """The decimal that holds the values of both."""
    scale = max(first[1], second[1])
    whole = max(first[0] - first[1], second[0] - second[1])
    return decimal(whole + scale, scale)


def tightest(first: exp.DataType, second: exp.DataType) -> exp.DataType | None:
    """The type that both become without a loss; None where Spark has none (findTightestCommonType)."""
    if first == second:
        return first
    if NULL in (first, second):
        return second if first == NULL else first
    if first in _NUMBERS and second in _NUMBERS:
        return max(first, second, key=_NUMBERS.index)
    for one, other in ((first, second), (second, first)):
        if is_decimal(one) and is_integer(other):
            precision, scale = digits(one)
            if precision - scale >= digits(other)[0]:
                return one
    if {first, second} == {DATE, TIMESTAMP}:
        return TIMESTAMP
    return _inside(first, second, tightest)


def _one_struct(first: exp.DataType, second: exp.DataType) -> exp.DataType | None:
    """The struct that two become which differ in fields of NULLs alone. Spark casts the others' fields too."""
    if len(first.expressions) != len(second.expressions):
        return None
    fields = []
    for one, other in zip(first.expressions, second.expressions, strict=True):
        kinds = [normal(each.args["kind"]) for each in (one, other)]
        known = [kind for kind in kinds if kind != NULL]
        if one.name.lower() != other.name.lower() or (len(known) > 1 and known[0] != known[1]):
            return None
        fields.append(exp.ColumnDef(this=one.this.copy(), kind=(known or kinds)[0].copy()))
    return exp.DataType(this=Kind.STRUCT, expressions=fields, nested=True)


def _inside(
    first: exp.DataType, second: exp.DataType, rule: Callable[[exp.DataType, exp.DataType], exp.DataType | None]
) -> exp.DataType | None:
    """The same of arrays, maps and structs, by a rule for what they hold (findTypeForComplex)."""
    if first.this is second.this is Kind.STRUCT:
        return _one_struct(first, second)
    if first.this is not second.this or not (is_array(first) or is_map(first)):
        return None
    parts = [rule(*pair) for pair in zip(_parts(first), _parts(second), strict=True)]
    found = [part for part in parts if part is not None]
    if len(found) < len(parts):
        return None
    return array(*found) if is_array(first) else mapping(*found)


def wider(first: exp.DataType, second: exp.DataType, *, text: bool = True) -> exp.DataType | None:
    """The type of CASE, COALESCE, IN and set operations over both; None where Spark refuses.

    `text`: whether text beside something else makes all text (findWiderTypeForTwo), as it does but in greatest, least.
    """
    found = tightest(first, second)
    if found is not None:
        return found
    if is_number(first) and is_number(second):
        if is_real(first) or is_real(second):
            return DOUBLE
        return wider_decimal(digits(first), digits(second))
    if text and STRING in (first, second):
        other = second if first == STRING else first
        if other not in (BINARY, BOOLEAN) and not is_nested(other) and other != INTERVAL:
            return STRING
    return _inside(first, second, partial(wider, text=text))


def widest(types: Iterable[exp.DataType], *, text: bool = True) -> exp.DataType | None:
    """`wider` of all of them, texts first: which comes first must not matter."""
    found: exp.DataType | None = NULL
    for each in sorted(types, key=lambda spark_type: spark_type != STRING):
        if has_unknown(each):
            return UNKNOWN
        found = wider(found, each, text=text) if found is not None else None
    return found


def compared(first: exp.DataType, second: exp.DataType) -> exp.DataType | None:
    """The type in which two values are compared; None where Spark refuses (findCommonTypeForBinaryComparison)."""
    if first == second:
        return first
    if STRING in (first, second):
        other = second if first == STRING else first
        if other == NULL:
            return STRING
        if is_decimal(other):
            return DOUBLE
        return None if is_nested(other) or other == INTERVAL else other
    if is_number(first) and is_number(second):
        return wider(first, second)
    return tightest(first, second)
