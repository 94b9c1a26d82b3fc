"""Dates and times: what the engine writes and reads itself, and what is left to Java's rules, are of one piece."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.expressions import answers, translated
from whiteroom.engines.duckdb.spark.java import time_writing

TIMES = {"t": "TIMESTAMP"}
DAY = {"d": "DATE"}


def test_a_year_of_more_or_fewer_than_four_digits_is_written_as_java_writes_it() -> None:
    rows = [("0999-03-04 05:06:07",), ("9999-12-31 23:59:59.999999",), ("10000-01-01 00:00:00",)]
    wanted = ["0999-03-04 05", "9999-12-31 23", "+10000-01-01 00"]
    assert answers("date_format(t, 'yyyy-MM-dd HH')", TIMES, rows) == wanted


def test_every_letter_of_a_pattern_is_written() -> None:
    pattern = "yyyy yy MM M MMM MMMM dd d HH H hh h mm m ss s SSS SSSSSS a EEE EEEE D DDD '%'"
    wanted = "2024 24 02 2 Feb February 09 9 13 13 01 1 04 4 05 5 067 067008 PM Fri Friday 40 040 %"
    assert answers(f'date_format(t, "{pattern}")', TIMES, [("2024-02-09 13:04:05.067008",)]) == [wanted]


_EDGES = [-62135596800_000_001, -30610224000_000_001, -30610224000_000_000, -1, 0, 99_999, 253402300799_999_999]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.sampled_from(["S" * count for count in range(1, 10)] + [" ", "ss", "yyyy", "k", "[S]", "'é%'", "z"])),
    st.lists(st.integers(-(10**17), 10**18), min_size=10),
)
def test_a_fraction_of_any_length_is_written_wherever_it_stands(parts: list[str], micros: list[int]) -> None:
    pattern = "y.".join(["", *parts, "S"])
    rows = [*_EDGES, *micros]
    wanted = [time_writing.format_time(each, pattern) for each in rows]
    written = f'date_format(timestamp_micros(m), "{pattern}")'
    assert answers(written, {"m": "BIGINT"}, [*[(each,) for each in rows], (None,)]) == [*wanted, None]
    seconds = [each // 1_000_000 for each in rows]
    wanted = [time_writing.format_seconds(each, pattern) for each in seconds]
    assert answers(f'from_unixtime(m, "{pattern}")', {"m": "BIGINT"}, [(each,) for each in seconds]) == wanted


def test_a_tenth_of_a_second_is_cut_out_of_what_the_engine_writes() -> None:
    assert "STRFTIME" in translated("date_format(t, 'HH:mm:ss.S')", TIMES)


def test_a_text_of_the_patterns_form_is_read_and_one_that_is_no_date_ends_the_query() -> None:
    texts = {"2024-02-29": "2024-02-29 00:00:00", "0999-01-01": "0999-01-01 00:00:00", "x": None}
    read = "CAST(to_timestamp(s, 'yyyy-MM-dd') AS STRING)"
    assert answers(read, {"s": "STRING"}, [(text,) for text in texts]) == list(texts.values())
    for text in ("2024-1-31", "24-01-01"):
        with pytest.raises(duckdb.InvalidInputException, match="parsers differ"):
            answers(read, {"s": "STRING"}, [(text,)])


@pytest.mark.parametrize("name", ["MO", "Mon", "monday"])
def test_the_next_monday_is_never_the_day_itself(name: str) -> None:
    rows = [(date(2024, 1, day),) for day in range(1, 9)]
    wanted = [date(2024, 1, 8)] * 7 + [date(2024, 1, 15)]
    assert answers(f"next_day(d, '{name}')", DAY, rows) == wanted


def test_a_month_later_is_at_most_the_last_day_of_that_month() -> None:
    rows = [(date(2024, 1, 31),), (date(2023, 1, 31),), (date(2024, 2, 29),), (None,)]
    assert answers("add_months(d, 1)", DAY, rows) == [date(2024, 2, 29), date(2023, 2, 28), date(2024, 3, 29), None]


def test_months_between_last_days_and_equal_days_are_whole() -> None:
    columns = {"a": "TIMESTAMP", "b": "TIMESTAMP"}
    rows = [
        ("2024-02-29 23:00:00", "2023-12-31 00:00:00"),
        ("2024-03-05 20:00:00", "2024-01-05 04:00:00"),
        ("1997-02-28 10:30:00", "1996-10-30 00:00:00"),
        ("2024-01-01 00:00:00", None),
    ]
    # The third is the example of Spark's documentation.
    assert answers("months_between(a, b)", columns, rows) == [2.0, 2.0, 3.94959677, None]
    assert answers("months_between(a, b, false)", columns, rows[2:3]) == [pytest.approx(3.9495967741935485, abs=0)]
