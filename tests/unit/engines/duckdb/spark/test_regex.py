"""Regular expressions answer as Java's matcher goes through a text, whoever runs them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


HOSTILE = st.text(st.sampled_from("aaabxX1.-\\$\0\n\r\u2028\u0301\u200dé😀"), max_size=12)
OPTIONAL = [
    "x*",
    "x?",
    "x{0,2}",
    "[ab]*",
    ".*",
    "(?s).*",
    "(a)*",
    "(a|b1)*",
    "(a+b?)*",
    "\\\\.*",
    "é*",
    "😀*",
    "(?i)x*",
    "x*?",
]
OPTIONAL += ["(x*)", "x*|a", "(?:^a)*", "(?:a\\\\b)*", "[^a]*", "(?:aa|a)*", "-*", "(?:x*)*"]
PARTS = [
    "[ab.]",
    "a+",
    "a|ab",
    "aa?",
    "(a|b)x",
    "\\\\.",
    "^a",
    "\\\\ba",
    "(?i)x",
    "a+?b",
    "é",
    "\\\\n",
    "(?:a|aa)a",
    "a$",
    "a*",
]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(OPTIONAL),
    st.sampled_from(["", "-", "x", "<$0>", "\\\\\\\\", "é\\\\$", "a$0a"]),
    st.lists(HOSTILE, min_size=20),
)
def test_what_may_match_nothing_is_replaced_as_java_does_in_any_text(written: str, put: str, texts: list[str]) -> None:
    pattern, template = written.replace("\\\\", "\\"), put.replace("\\\\", "\\")
    given = [*map(str, texts), "", None]
    wanted = [None if text is None else matching.replace(text, pattern, template, 1) for text in given]
    found = answers(f"regexp_replace(s, '{written}', '{put}')", {"s": "STRING"}, [(text,) for text in given])
    assert found == wanted


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(PARTS), st.integers(-1, 7), st.lists(HOSTILE, min_size=20))
def test_any_text_is_split_into_so_many_parts_where_java_splits_it(written: str, limit: int, texts: list[str]) -> None:
    pattern = written.replace("\\\\", "\\")
    given = [*texts, "", None]
    wanted = [None if text is None else matching.split(text, pattern, limit) for text in given]
    found = answers(f"split(s, '{written}', {limit})", {"s": "STRING"}, [(text,) for text in given])
    assert found == wanted


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
        "regexp_replace(s, 'x*', '-')",
        "regexp_replace(s, '(a|b)*', '<$1>')",
        "split(s, ',', 2)",
        "split(s, '[@.]', 2)",
        "split(s, '(a|b)')",
    ],
)
def test_ordinary_patterns_need_no_native_function(expression: str) -> None:
    assert "spark_regexp" not in translated(expression, {"s": "STRING"}).lower()
    assert "spark_split(" not in translated(expression, {"s": "STRING"}).lower()
