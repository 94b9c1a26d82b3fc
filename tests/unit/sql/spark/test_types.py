"""Spark's types: the digits of decimals, and what two types become."""

from __future__ import annotations

import pytest

from whiteroom.sql.spark.types import (
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
