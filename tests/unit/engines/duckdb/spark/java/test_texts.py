"""Functions of texts as Spark has them."""

from __future__ import annotations

import pytest

from whiteroom.engines.duckdb.spark.java import texts


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
    assert texts.soundex(name) == code
    assert texts.soundex(name.lower()) == (code if name[:1].isalpha() else name)
