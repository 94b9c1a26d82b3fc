"""How the types of columns are spelled: Spark SQL's way outside, DuckDB's inside.

Only flat types pass. A nested column has no place in a CSV, and no rule of AWS's names a part of one.
"""

from __future__ import annotations

import re

_TO_DUCKDB = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "binary": "BLOB",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}

_FROM_DUCKDB = {duckdb: spark for spark, duckdb in _TO_DUCKDB.items()} | {
    # What Spark has no unsigned or finer type for goes to the smallest type that holds every value.
    "UTINYINT": "smallint",
    "USMALLINT": "int",
    "UINTEGER": "bigint",
    "UBIGINT": "decimal(20,0)",
    "HUGEINT": "decimal(38,0)",
    "UHUGEINT": "decimal(38,0)",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIME": "string",
    "UUID": "string",
}

_DECIMAL = re.compile(r"decimal\(([0-9]{1,2}), ?([0-9]{1,2})\)")
_MAX_DECIMAL_DIGITS = 38


def to_duckdb(spark_type: str) -> str:
    """DuckDB's name of a Spark type.

    Raises:
        ValueError: it is not one of the flat types that a table may have here.
    """
    if decimal := _DECIMAL.fullmatch(spark_type):
        precision, scale = int(decimal[1]), int(decimal[2])
        if 1 <= precision <= _MAX_DECIMAL_DIGITS and scale <= precision:
            return f"DECIMAL({precision},{scale})"
    known = _TO_DUCKDB.get(spark_type)
    if known is None:
        raise ValueError(f"The column type {spark_type!r} cannot be queried here; it is nested or unknown.")
    return known


def from_duckdb(duckdb_type: str) -> str:
    """Spark's name of the type that holds every value of a DuckDB type.

    Raises:
        ValueError: a nested type, or one that Spark has nothing for.
    """
    if decimal := _DECIMAL.fullmatch(duckdb_type.lower()):
        return f"decimal({decimal[1]},{decimal[2]})"
    known = _FROM_DUCKDB.get(duckdb_type)
    if known is None:
        raise ValueError(f"The column type {duckdb_type} cannot be queried here; it is nested or unknown.")
    return known


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
