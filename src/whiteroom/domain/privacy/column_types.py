"""Which types the columns of a table may have, in Spark SQL's spelling.

Only flat types pass. A nested column has no place in a CSV, and no rule of AWS's names a part of one.
"""

from __future__ import annotations

import re

FLAT_TYPES = frozenset(
    ["boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "string", "binary", "date", "timestamp"]
)
_DECIMAL = re.compile(r"decimal\(([0-9]{1,2}), ?([0-9]{1,2})\)")
_MAX_DECIMAL_DIGITS = 38


def decimal_digits(spark_type: str) -> tuple[int, int] | None:
    """Precision and scale of a decimal that a table may have; None of any other type."""
    found = _DECIMAL.fullmatch(spark_type)
    if found is None:
        return None
    precision, scale = int(found[1]), int(found[2])
    return (precision, scale) if 1 <= precision <= _MAX_DECIMAL_DIGITS and scale <= precision else None


def is_flat(spark_type: str) -> bool:
    """Whether a table may have a column of this type here."""
    return spark_type in FLAT_TYPES or decimal_digits(spark_type) is not None


def require_flat(spark_type: str) -> None:
    """Refuse what `is_flat` says no of.

    Raises:
        ValueError: as it says.
    """
    if not is_flat(spark_type):
        raise ValueError(
            f"The column type {spark_type!r} cannot be queried here; it is nested or unknown. "
            f"The types are {', '.join(sorted(FLAT_TYPES))} and decimal(PRECISION,SCALE)."
        )


_INTEGER_DIGITS = {"tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
_FLOATS = ("float", "double")


def wider(one: str, other: str) -> str | None:
    """The type that holds every value of two exactly: of integers, of decimals, or of floating point; else None."""
    if one == other:
        return one
    if one in _INTEGER_DIGITS and other in _INTEGER_DIGITS:
        return max(one, other, key=_INTEGER_DIGITS.__getitem__)
    if one in _FLOATS and other in _FLOATS:
        return "double"
    digits = [decimal_digits(kind) or (_INTEGER_DIGITS.get(kind, 0), 0) for kind in (one, other)]
    if not all(precision for precision, _ in digits):
        return None
    scale = max(scale for _, scale in digits)
    precision = max(precision - scale for precision, scale in digits) + scale
    return f"decimal({precision},{scale})" if precision <= _MAX_DECIMAL_DIGITS else None


_SPARK_BYTES = {
    "boolean": 1,
    "tinyint": 1,
    "smallint": 2,
    "int": 4,
    "bigint": 8,
    "float": 4,
    "double": 8,
    "string": 20,
    "binary": 100,
    "date": 4,
    "timestamp": 8,
}
"""Source: `defaultSize` of Spark's types (org.apache.spark.sql.types, 3.5)."""
_LONG_DECIMAL_DIGITS = 18


def default_bytes(spark_type: str) -> int:
    """How large Spark takes one value of a type to be where it knows no values."""
    if decimal := _DECIMAL.fullmatch(spark_type):
        return 8 if int(decimal[1]) <= _LONG_DECIMAL_DIGITS else 16
    return _SPARK_BYTES[spark_type]
