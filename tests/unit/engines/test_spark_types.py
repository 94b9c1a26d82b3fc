"""Spark's types: the digits of decimals, what two types become, and that the rules of a translation do not overlap."""

from __future__ import annotations

from collections import Counter

import pytest

from whiteroom.engines.spark import (
    aggregates,
    arithmetic,
    casts,
    comparisons,
    dates,
    nested,
    numbers,
    regex,
    strings,
)
from whiteroom.engines.spark.java import decimals, times
from whiteroom.engines.spark.macros import MACROS
from whiteroom.engines.spark.natives import NATIVES
from whiteroom.engines.spark.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    FLOAT,
    INT,
    NULL,
    SMALLINT,
    STRING,
    TIMESTAMP,
    adjusted,
    compared,
    decimal,
    digits,
    wider,
)

MODULES = (casts, arithmetic, numbers, comparisons, aggregates, strings, dates, regex, nested)


@pytest.mark.parametrize("table", ["RULES", "NAMED", "RESULTS"])
def test_no_two_modules_have_a_rule_for_the_same_node(table: str) -> None:
    counted = Counter(kind for module in MODULES for kind in getattr(module, table))
    assert [kind for kind, count in counted.items() if count > 1] == []


def test_a_macro_and_a_native_function_never_share_a_name() -> None:
    assert MACROS.keys().isdisjoint(NATIVES)
    assert len(MACROS) > 40


@pytest.mark.parametrize(
    ("precision", "scale", "wanted"),
    [(38, 10, (38, 10)), (39, 10, (38, 9)), (50, 30, (38, 18)), (77, 37, (38, 6)), (45, 3, (38, 3))],
)
def test_the_fraction_of_a_decimal_with_too_many_digits_gives_way_down_to_six(
    precision: int, scale: int, wanted: tuple[int, int]
) -> None:
    assert digits(adjusted(precision, scale)) == wanted


def test_two_types_become_what_spark_makes_of_them() -> None:
    assert wider(INT, BIGINT) == BIGINT
    assert wider(BIGINT, FLOAT) == FLOAT
    assert wider(decimal(10, 2), INT) == decimal(12, 2)
    assert wider(decimal(10, 2), DOUBLE) == DOUBLE
    assert wider(DATE, TIMESTAMP) == TIMESTAMP
    assert wider(STRING, INT) == STRING
    assert wider(STRING, BOOLEAN) is None
    assert wider(STRING, INT, text=False) is None
    assert wider(NULL, SMALLINT) == SMALLINT
    assert wider(INT, DATE) is None
    assert compared(STRING, INT) == INT
    assert compared(STRING, decimal(5, 1)) == DOUBLE
    assert compared(STRING, DATE) == DATE
    assert compared(INT, DATE) is None


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


def test_text_that_is_no_timestamp_whatever_is_in_it_is_null() -> None:
    hostile = [
        "",
        "T",
        "10:05:09",
        "2024-01-01 25:00",
        "0000-01-01",
        "99999-01-01",
        "2024-01-01 10:00:00 " + "x" * 5000,
    ]
    assert [times.micros_of(text) for text in hostile] == [None] * len(hostile)
    assert times.micros_of("2024-01-01T10:05:09+2") == times.micros_of("2024-01-01 08:05:09")
