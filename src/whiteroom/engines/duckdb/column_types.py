"""How DuckDB spells the types of columns."""

from __future__ import annotations

import re

from whiteroom.domain.privacy.column_types import decimal_digits, require_flat

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

_DECIMAL = re.compile(r"DECIMAL\(([0-9]{1,2}), ?([0-9]{1,2})\)")


def to_duckdb(spark_type: str) -> str:
    """DuckDB's name of a Spark type.

    Raises:
        ValueError: it is not one of the flat types that a table may have here.
    """
    require_flat(spark_type)
    digits = decimal_digits(spark_type)
    return _TO_DUCKDB[spark_type] if digits is None else f"DECIMAL({digits[0]},{digits[1]})"


def from_duckdb(duckdb_type: str) -> str:
    """Spark's name of the type that holds every value of a DuckDB type.

    Raises:
        ValueError: a nested type, or one that Spark has nothing for.
    """
    if decimal := _DECIMAL.fullmatch(duckdb_type):
        return f"decimal({decimal[1]},{decimal[2]})"
    known = _FROM_DUCKDB.get(duckdb_type)
    if known is None:
        raise ValueError(f"The column type {duckdb_type} cannot be queried here; it is nested or unknown.")
    return known
