"""Arithmetic of decimals beyond what DuckDB holds."""

from __future__ import annotations

import pytest

from whiteroom.engines.duckdb.spark.java import decimals


@pytest.mark.parametrize(
    ("symbol", "left", "right", "to", "wanted"),
    [
        ("+", "99999999999999999999999999999999999999", "1", (38, 0), None),
        ("/", "10", "3", (38, 6), "3.333333"),
        ("/", "1", "0", (38, 6), None),
        ("*", "1.5", "-2.5", (38, 6), "-3.750000"),
        ("/", "-2", "3", (38, 6), "-0.666667"),
        ("%", "-7.5", "2", (38, 6), "-1.500000"),
    ],
)
def test_a_decimal_beyond_duckdbs_digits_is_rounded_half_up_or_null(
    symbol: str, left: str, right: str, to: tuple[int, int], wanted: str | None
) -> None:
    assert decimals.computed(symbol, left, right, *to) == wanted
