"""`a` or `an`, for messages whose noun is known only at run time."""

from __future__ import annotations

_SPELT_OUT = ("HTTP", "ML", "SQL", "XML")
"""Read letter by letter, the first of which begins with a vowel."""
_YOU = ("eu", "uni", "us", "uu")
"""Begins with a vowel and is not said so."""


def with_article(noun: str) -> str:
    """The noun behind its article: `an ML input channel`, `a trained model`."""
    word = noun.replace("-", " ").partition(" ")[0]
    vowel = word.upper() in _SPELT_OUT or (word[:1].lower() in "aeiou" and not word.lower().startswith(_YOU))
    return f"{'an' if vowel and word else 'a'} {noun}"
