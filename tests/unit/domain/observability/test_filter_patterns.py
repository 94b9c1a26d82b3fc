"""CloudWatch Logs' filter patterns, as far as they are read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whiteroom.domain.observability.filter_patterns import FilterPattern, parse_filter_pattern
from whiteroom.domain.verdicts import Denied
from whiteroom.operations.patterns import fault_of


def accepts(pattern: str, message: str) -> bool:
    parsed = parse_filter_pattern(pattern, fault_of)
    assert isinstance(parsed, FilterPattern), parsed
    return parsed.accepts(message, lambda expression, text: re.search(expression, text) is not None)


@pytest.mark.parametrize(
    ("pattern", "message", "found"),
    [
        ("", "anything", True),
        ("  ", "anything", True),
        ("ERROR", "[ERROR 400] BAD", True),
        ("ERROR", "error", False),
        ("ERROR BAD", "BAD ERROR", True),
        ("ERROR BAD", "ERROR", False),
        ('"BAD REQUEST"', "a BAD REQUEST", True),
        ('"BAD REQUEST"', "REQUEST BAD", False),
        (r'"say \"no\""', 'say "no"', True),
        ("ERROR -EXITING", "ERROR", True),
        ("ERROR -EXITING", "ERROR EXITING", False),
        ('-"a b"', "a b", False),
        ("?ERROR ?WARN", "WARN", True),
        ("?ERROR ?WARN", "INFO", False),
        ("%colou?r [0-9]+%", "color 7", True),
        ("%^a%", "ba", False),
    ],
)
def test_a_message_is_found(pattern: str, message: str, found: bool) -> None:
    assert accepts(pattern, message) is found


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        ('{ $.level = "ERROR" }', "JSON"),
        ("[ip, user, ...]", "columns"),
        ('"open', "quote"),
        ("a:b", "'a:b'"),
        ("$.x", "double quotes"),
        ("ERROR ?WARN", "optional"),
        ("%(%", "does not compile"),
        ("%a% b", "double quotes"),
    ],
)
def test_what_is_not_read_is_refused_by_name(pattern: str, named: str) -> None:
    parsed = parse_filter_pattern(pattern, fault_of)
    assert isinstance(parsed, Denied)
    assert named in parsed.reason


@given(st.text(max_size=100))
def test_any_pattern_is_read_or_refused(pattern: str) -> None:
    assert isinstance(parse_filter_pattern(pattern, fault_of), FilterPattern | Denied)
