"""Texts as timestamps."""

from __future__ import annotations

from whiteroom.engines.duckdb.spark.java import times


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
