"""How columns are read, by what is declared and what the database says."""

from __future__ import annotations

import pytest

from whiteroom.databases.snowflake.types import KnownColumn, source_column
from whiteroom.domain.privacy.column_types import is_flat


@pytest.mark.parametrize(
    ("declared", "there", "kind"),
    [
        ("BIGINT", "NUMBER(38,0)", "bigint"),
        ("int", "NUMBER(5,0)", "bigint"),
        ("NUMBER", "NUMBER(38,0)", "decimal(38,0)"),
        ("DECIMAL(10, 2)", "NUMBER(10,2)", "decimal(10,2)"),
        ("NUMERIC(10)", "NUMBER(10,0)", "decimal(10,0)"),
        ("double  precision", "FLOAT", "double"),
        ("REAL", "FLOAT", "double"),
        ("STRING", "VARCHAR(16777216)", "string"),
        ("VARCHAR(20)", "VARCHAR(20)", "string"),
        ("BOOLEAN", "BOOLEAN", "boolean"),
        ("DATE", "DATE", "date"),
        ("TIMESTAMP", "TIMESTAMP_NTZ(9)", "timestamp"),
        ("TIMESTAMP", "TIMESTAMP_TZ(9)", "timestamp"),
        ("TIMESTAMP_LTZ", "TIMESTAMP_LTZ(9)", "timestamp"),
        ("DATETIME", "TIMESTAMP_NTZ(3)", "timestamp"),
        ("BINARY", "BINARY(8388608)", "binary"),
    ],
)
def test_a_column_has_the_type_that_it_is_declared_where_the_database_says_the_same(
    declared: str, there: str, kind: str
) -> None:
    column = source_column(KnownColumn("Pa tient", there), declared)
    assert (column.name, column.type, column.expression) == ("pa tient", kind, '"Pa tient"')
    assert is_flat(kind)


@pytest.mark.parametrize(
    ("declared", "there"),
    [
        ("BIGINT", "NUMBER(10,2)"),
        ("BIGINT", "VARCHAR(20)"),
        ("NUMBER(10,2)", "NUMBER(10,3)"),
        ("VARCHAR(20)", "VARCHAR(30)"),
        ("VARCHAR", "VARIANT"),
        ("VARCHAR", "TIME(9)"),
        ("DATE", "TIMESTAMP_NTZ(9)"),
        ("TIMESTAMP_NTZ", "TIMESTAMP_TZ(9)"),
        ("DATETIME", "TIMESTAMP_LTZ(9)"),
        ("FLOAT", "NUMBER(38,0)"),
        ("VARCHAR", "MAP(VARCHAR(20), NUMBER(38,0))"),
    ],
)
def test_what_is_declared_otherwise_than_it_is_there_is_refused_with_both(declared: str, there: str) -> None:
    with pytest.raises(ValueError, match="is declared") as refused:
        source_column(KnownColumn("X", there), declared)
    assert f"Column 'x' is declared {declared}, and is {there} in Snowflake." in str(refused.value)


@pytest.mark.parametrize(
    "declared",
    [
        "ARRAY",
        "MAP",
        "VARIANT",
        "OBJECT",
        "GEOGRAPHY",
        "GEOMETRY",
        "VECTOR(FLOAT, 3)",
        "TIME",
        "",
        "INT; DROP",
        "DECFLOAT",
    ],
)
def test_a_type_that_no_query_reads_is_refused_by_name(declared: str) -> None:
    with pytest.raises(ValueError, match="which no query can read") as refused:
        source_column(KnownColumn("X", "VARIANT"), declared)
    assert f"is declared {declared}," in str(refused.value)
