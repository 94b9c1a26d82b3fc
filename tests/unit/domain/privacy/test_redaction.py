"""What is taken out of a text before anybody reads it, and that nothing of a mask's victim stands beside it."""

# Letters that look like others are what is tested here.
# ruff: noqa: RUF001
from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.effort import effort_under
from whiteroom.domain.privacy.policies import Entity, LogPolicy, LogType
from whiteroom.domain.privacy.redaction import CUT, MASK, cleaned, hidden
from whiteroom.redaction.finder import PatternFinder

FINDER = PatternFinder()
NUMBERS = LogPolicy(("1",), None, LogType.ALL, (Entity.NUMBERS,), ())
WORD = LogPolicy(("1",), None, LogType.ALL, (Entity.CUSTOM,), ("secret",))


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("plain\ttext", "plain\ttext"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[1;38;5;196mred\x1b[m", "red"),
        ("se\x1b[31mcr\x1b[0met", "secret"),
        ("\x9b31mred", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq#0;2;0;0;0\x1b\\text", "text"),
        ("\x1b(Btext", "text"),
        ("cut inside \x1b[38;5", "cut inside "),
        ("cut inside \x1b", "cut inside "),
        ("\x1b]never ends", ""),
        ("4\x001\x081\x7f1", "4111"),
        ("4\u200b1\u200d1\u20601\ufeff", "4111"),
        ("4\u00ad1\u202e1\u20661", "4111"),
        ("4\ue0001\U000e00011\ud8001", "4111"),
        ("4\u31641\u28001\u115f1", "4111"),
        ("one\u2028two\u2029three\x0bfour\x85", "one two threefour"),
        ("u\u0308", "ü"),
        ("schön 漢字 🎉", "schön 漢字 🎉"),
    ],
)
def test_only_what_can_be_seen_is_left(written: str, seen: str) -> None:
    assert cleaned(written) == seen


@given(st.text())
def test_what_is_cleaned_is_clean(text: str) -> None:
    seen = cleaned(text)
    assert cleaned(seen) == seen
    assert all(
        unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Co", "Cn"} or letter in "\t\n" for letter in seen
    )


@given(st.text(alphabet="0123456789\x1b[]m;\x07\u200b\u0301é１٣²Ⅷ .,-x"))
def test_however_it_is_written_no_digit_is_left(text: str) -> None:
    masked = hidden(cleaned(text), [NUMBERS], 1000, FINDER)
    assert not any(unicodedata.category(letter).startswith("N") for letter in masked)


@given(st.text(alphabet="secret \x1b[1m\u200bｓ"), st.integers(0, 40))
def test_wherever_a_text_is_cut_no_rest_of_what_is_masked_stands_there(noise: str, limit: int) -> None:
    line = cleaned(noise + "secret" + noise)
    masked = hidden(line, [WORD], limit, FINDER)
    whole = hidden(line, [WORD], 1000, FINDER)
    assert whole.startswith(masked.removesuffix(CUT))


def test_what_begins_before_the_cut_is_masked_as_a_whole() -> None:
    for limit in range(4, 10):
        assert hidden("abc secret def", [WORD], limit, FINDER) == "abc " + (MASK if limit > 4 else "") + CUT


def test_a_text_that_ends_with_what_is_masked_is_not_said_to_be_cut() -> None:
    assert hidden("abc secret", [WORD], 6, FINDER) == "abc " + MASK
    assert hidden("abcdef", [], 6, FINDER) == "abcdef"


@pytest.mark.parametrize(
    "written",
    [
        "\x1b[" * 30_000,
        "\x1b]" * 30_000,
        "\x1b[0" * 20_000,
        "\x1b" * 60_000,
        "\x1b]" + "x" * 60_000,
        "a\u0301" * 30_000,
    ],
)
def test_hostile_text_is_cleaned_in_linear_time(written: str) -> None:
    with effort_under(2):
        hidden(cleaned(written), [NUMBERS], 8_192, FINDER)
