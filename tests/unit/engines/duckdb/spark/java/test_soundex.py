"""A Soundex is Spark's, remembered or not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whiteroom.engines.duckdb.spark.java import soundex

_CODES = "01230127022455012623017202"


def _by_letters(text: str) -> str:
    """UTF8String.soundex, line by line."""
    data = text.encode()
    if not data or not chr(data[0]).isascii() or not chr(data[0]).isalpha():
        return text
    found, last = chr(data[0]).upper(), _CODES[ord(chr(data[0]).upper()) - ord("A")]
    for byte in data[1:]:
        letter = chr(byte).upper() if byte < 128 else ""
        if not "A" <= letter <= "Z":
            last = "0"
            continue
        code = _CODES[ord(letter) - ord("A")]
        if code == "7":
            continue
        if code not in {"0", last}:
            found += code
        last = code
        if len(found) == 4:
            break
    return found.ljust(4, "0")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        # The examples of the National Archives' description of the code.
        ("Washington", "W252"),
        ("Lee", "L000"),
        ("Gutierrez", "G362"),
        ("Pfister", "P236"),
        ("Jackson", "J250"),
        ("Tymczak", "T522"),
        ("Ashcraft", "A261"),
        ("", ""),
        ("7th", "7th"),
    ],
)
def test_a_soundex_is_a_letter_and_three_digits(name: str, code: str) -> None:
    assert soundex.soundex(name) == code
    assert soundex.soundex(name.lower()) == (code if name[:1].isalpha() else name)


@given(st.text(st.sampled_from("aehwbfcgtlmr AEHWBZ1\0\n\u0301é😀"), max_size=90) | st.text())
def test_any_text_has_the_soundex_of_sparks_own_loop(text: str) -> None:
    assert soundex.soundex(text) == _by_letters(text)
    assert soundex.soundex(text) == _by_letters(text)
