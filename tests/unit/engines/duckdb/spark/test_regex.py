"""Regular expressions answer as Java's matcher goes through a text, whoever runs them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from support.expressions import answers, translated
from whiteroom.engines.duckdb.spark.java import matching

PATTERNS = ["a", "a+b?", "(a)|(b)", "(a*)b", "[^a]", "x*", "a??", "a$", r"\s$", r"\s*$", "(a|$)", "$", "^a", r"\b", "é"]
TEXTS = ["", "a", "aab", "baab", "xaé😀a", "a\n", "a \r\n", "aa\n\n", " \u2028", "bab ab", "é\u0085", "b1a\r"]


def _same(expression: str, expected: Callable[[str], Any]) -> None:
    assert answers(expression, {"s": "STRING"}, [*[(text,) for text in TEXTS], (None,)]) == [
        *map(expected, TEXTS),
        None,
    ]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_is_extracted_counted_and_placed_is_javas(pattern: str) -> None:
    written = pattern.replace("\\", "\\\\")
    for number in range(pattern.count("(") + 1):
        _same(f"regexp_extract(s, '{written}', {number})", partial(matching.extract, pattern=pattern, number=number))
        several = partial(matching.extract_all, pattern=pattern, number=number)
        _same(f"regexp_extract_all(s, '{written}', {number})", several)
    _same(f"regexp_count(s, '{written}')", lambda text: len(matching.extract_all(text, pattern, 0)))
    _same(f"regexp_instr(s, '{written}')", lambda text: matching.instr(text, pattern))


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("template", ["", "<$0>"])
@pytest.mark.parametrize("position", [1, 3])
def test_what_is_replaced_is_what_java_replaces(pattern: str, template: str, position: int) -> None:
    written = pattern.replace("\\", "\\\\")
    _same(
        f"regexp_replace(s, '{written}', '{template}', {position})",
        lambda text: matching.replace(text, pattern, template, position),
    )


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("limit", [-1, 2])
def test_a_text_is_split_where_java_splits_it(pattern: str, limit: int) -> None:
    written = pattern.replace("\\", "\\\\")
    _same(f"split(s, '{written}', {limit})", lambda text: matching.split(text, pattern, limit))


def test_java_replaces_nothing_after_each_match_too() -> None:
    assert answers("regexp_replace(s, 'a*', 'X')", {"s": "STRING"}, [("baac",)]) == ["XbXXcX"]


def test_a_group_beyond_the_ninth_is_found() -> None:
    letters = "abcdefghijkl"
    pattern = "".join(f"({letter})" for letter in letters)
    assert answers(f"regexp_extract(s, '{pattern}', 11)", {"s": "STRING"}, [(letters,)]) == ["k"]


@pytest.mark.parametrize(
    "expression",
    [
        "regexp_count(s, 'a')",
        "regexp_extract_all(s, '(a)', 1)",
        "regexp_replace(s, '[^0-9]*', '')",
        "split(s, ',', 2)",
        "split(s, '(a|b)')",
    ],
)
def test_ordinary_patterns_need_no_native_function(expression: str) -> None:
    assert "spark_regexp" not in translated(expression, {"s": "STRING"}).lower()
    assert "spark_split(" not in translated(expression, {"s": "STRING"}).lower()
