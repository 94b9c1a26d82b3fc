from __future__ import annotations

import pytest

from whiteroom.catalog.hive_types import spark_type
from whiteroom.domain.privacy.column_types import require_flat

FLAT = {
    "INT": "int",
    "integer": "int",
    "varchar(20)": "string",
    "char( 3 )": "string",
    "decimal(10,2)": "decimal(10,2)",
    "decimal(5)": "decimal(5,0)",
    "decimal": "decimal(10,0)",
    "timestamp": "timestamp",
    "binary": "binary",
}
OTHERS = ("array<int>", "map<string,int>", "struct<a:int,b:array<string>>", "interval_day_time", "")


@pytest.mark.parametrize("written", FLAT)
def test_hives_types_are_sparks(written: str) -> None:
    assert spark_type(written) == FLAT[written]
    require_flat(spark_type(written))


@pytest.mark.parametrize("written", OTHERS)
def test_what_no_query_can_use_keeps_its_name_and_stays_unusable(written: str) -> None:
    with pytest.raises(ValueError, match="cannot be queried"):
        require_flat(spark_type(written))


def test_bytes_in_a_text_are_not_read() -> None:
    with pytest.raises(ValueError, match="binary in a text"):
        require_flat(spark_type("binary", is_text=True))
