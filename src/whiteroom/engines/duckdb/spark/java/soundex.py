"""Spark's Soundex: UTF8String.soundex (3.5), which goes by bytes."""

from __future__ import annotations

import re

_LETTERS = dict(zip(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"01230127022455012623017202", strict=True))
_CODES = bytes(_LETTERS.get(each - 32 if each >= 97 else each, ord("8")) for each in range(256))
"""Of each byte: of a letter its own (7 of H and W), and of another 8."""
_DIGITS = re.compile(rb"(.)\1*0*(?:(.)\2*0*(?:(.)\3*0*(.)?)?)?")
"""The first letter's code, and up to three others: equal neighbours are one."""

_known: dict[bytes, str] = {}
"""Digits by codes: those of names and words come again and again."""
_MOST_KNOWN, _MOST_CODES = 16_384, 64
_get = _known.get


def soundex(text: str) -> str:
    """The text itself where it does not begin with a letter of ASCII."""
    codes = text.encode().translate(_CODES)
    digits = _get(codes)
    if digits is None:
        digits = _digits(codes)
        if len(codes) <= _MOST_CODES and len(_known) < _MOST_KNOWN:
            _known[codes] = digits
    return text[0].upper() + digits if digits else text


def _digits(codes: bytes) -> str:
    """Three; none where the first is no letter's."""
    if codes[:1] in {b"", b"8"}:
        return ""
    # H and W do not part their neighbours; what is no letter parts them as a vowel does.
    codes = codes[:1] + codes[1:].translate(None, b"7").replace(b"8", b"0")
    found = _DIGITS.match(codes)
    others = found.group(2, 3, 4) if found is not None else ()
    return b"".join(filter(None, others)).ljust(3, b"0").decode("ascii")
