"""Types of columns, from DuckDB's spelling to Spark's and back."""

from __future__ import annotations

import pytest

from whiteroom.engines.duckdb.column_types import from_duckdb, to_duckdb

SAME = [
    ("boolean", "BOOLEAN"),
    ("int", "INTEGER"),
    ("bigint", "BIGINT"),
    ("float", "FLOAT"),
    ("double", "DOUBLE"),
    ("string", "VARCHAR"),
    ("binary", "BLOB"),
    ("date", "DATE"),
    ("timestamp", "TIMESTAMP"),
    ("decimal(38,10)", "DECIMAL(38,10)"),
]


@pytest.mark.parametrize(("spark", "duckdb"), SAME)
def test_a_flat_type_goes_there_and_back(spark: str, duckdb: str) -> None:
    assert (to_duckdb(spark), from_duckdb(duckdb)) == (duckdb, spark)


@pytest.mark.parametrize(
    "spark",
    ["array<int>", "struct<a:int>", "decimal(39,0)", "decimal(2,3)", "decimal(0,0)", "", "BIGINT); DROP TABLE x"],
)
def test_a_type_that_no_table_may_have_is_refused(spark: str) -> None:
    with pytest.raises(ValueError, match="cannot be queried"):
        to_duckdb(spark)


@pytest.mark.parametrize("duckdb", ["BIGINT[]", "STRUCT(a INTEGER)", "MAP(VARCHAR, INTEGER)", "INTERVAL", "ENUM('a')"])
def test_a_nested_or_unknown_type_has_no_name_in_spark(duckdb: str) -> None:
    with pytest.raises(ValueError, match="cannot be queried"):
        from_duckdb(duckdb)
