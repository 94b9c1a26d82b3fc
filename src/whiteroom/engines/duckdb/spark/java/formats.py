"""Numbers as texts: `format_number` (java.text.DecimalFormat) and `format_string` (java.util.Formatter)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

_CONTEXT = Context(prec=1_000, Emax=999_999, Emin=-999_999)
_SPECIFIER = re.compile(r"%(?:(\d+)\$)?([-#+ 0,(<]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])")


def format_number(value: float | Decimal, places: int) -> str | None:
    """With commas between thousands, and so many decimal places (half even); None for less than none."""
    if places < 0:
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "-∞"
    # Java keeps the sign of what rounds to zero from below; Python does too.
    return f"{_rounded(value, places, ROUND_HALF_EVEN):,f}"


def _rounded(value: float | Decimal, places: int, rounding: str) -> Decimal:
    exact = Decimal(value)
    unit = Decimal((0, (1,), -places))
    if isinstance(value, float):
        # Java rounds the shortest digits that mean the number; a tie of theirs is decided by the exact value.
        shortest = Decimal(repr(value))
        scaled = _CONTEXT.divide(shortest.copy_abs(), unit)
        halfway = _CONTEXT.remainder(scaled, Decimal(1)) == Decimal("0.5")
        if halfway and exact != shortest:
            away = exact.copy_abs() > shortest.copy_abs()
            rounding = "ROUND_UP" if away else "ROUND_DOWN"
        exact = shortest
    return exact.quantize(unit, rounding=rounding, context=_CONTEXT)


class BadFormat(ValueError):
    """Java takes no such format for these arguments. The message is for the querier."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a format: plain text, or how an argument is shown."""

    text: str
    argument: int | None = None
    """Which, from 0."""
    conversion: str = ""
    flags: str = ""
    width: int = 0
    precision: int | None = None


@lru_cache(maxsize=256)
def pieces(text: str) -> tuple[Piece, ...]:
    """The format's parts.

    Raises:
        BadFormat: Java does not take it, or it is of a kind that is not here.
    """
    found: list[Piece] = []
    at, ordinary, last = 0, 0, -1
    while (mark := text.find("%", at)) >= 0:
        if mark > at:
            found.append(Piece(text[at:mark]))
        match = _SPECIFIER.match(text, mark)
        if match is None:
            raise BadFormat("it holds a % that begins no conversion; write %% for the character")
        index, flags, width, precision, conversion = match.groups()
        at = match.end()
        if conversion in {"%", "n"}:
            if flags.strip("-") or precision or (conversion == "n" and width):
                raise BadFormat(f"%{conversion} takes no flags")
            shown = "%" if conversion == "%" else "\n"
            found.append(Piece(shown.ljust(int(width or 0)) if "-" in flags else shown.rjust(int(width or 0))))
            continue
        if index == "0" or len(set(flags)) < len(flags) or ("-" in flags and not width):
            raise BadFormat(f"%{conversion} has flags that contradict each other")
        if "<" in flags:
            argument = last
        elif index:
            argument = int(index) - 1
        else:
            argument, ordinary = ordinary, ordinary + 1
        if argument < 0:
            raise BadFormat("%< stands before any argument")
        last = argument
        limit = int(width or 0), int(precision or 0)
        if max(limit) > 10_000:
            raise BadFormat("a width or a precision is above 10,000")
        flags = flags.replace("<", "")
        found.append(Piece("", argument, conversion, flags, limit[0], None if precision is None else limit[1]))
    if at < len(text):
        found.append(Piece(text[at:]))
    return tuple(found)


def kinds(piece: Piece) -> frozenset[str]:
    """The types that a conversion takes: text (anything), whole, real.

    Raises:
        BadFormat: the conversion is not here, or does not go with its flags.
    """
    conversion, flags = piece.conversion, set(piece.flags)
    if conversion in "sS":
        allowed, taken = {"-"}, {"text", "whole", "real", "decimal", "boolean"}
    elif conversion in "bB":
        allowed, taken = {"-"}, {"boolean"}
    elif conversion == "c":
        allowed, taken = {"-"}, {"whole"}
    elif conversion == "d":
        allowed, taken = {"-", "+", " ", "0", ",", "("}, {"whole"}
    elif conversion in "xXo":
        allowed, taken = {"-", "#", "0"}, {"whole"}
    elif conversion == "f":
        allowed, taken = {"-", "#", "+", " ", "0", ",", "("}, {"real"}
    elif conversion in "eE":
        allowed, taken = {"-", "#", "+", " ", "0", "("}, {"real"}
    else:
        raise BadFormat(f"the conversion %{conversion} cannot be used here")
    wrong = flags - allowed or {"-", "0"} <= flags or {"+", " "} <= flags or ("0" in flags and not piece.width)
    if wrong or (piece.precision is not None and conversion in "cdxXo"):
        raise BadFormat(f"%{conversion} does not take its flags or its precision")
    return frozenset(taken)


def _piece(specifier: str) -> Piece:
    return pieces(specifier)[0]


def show_text(specifier: str, value: str | None) -> str:
    """%s, %S, %b: NULL is `null`."""
    piece = _piece(specifier)
    if value is None:
        value = "false" if piece.conversion in "bB" else "null"
    if piece.precision is not None:
        value = value.encode("utf-16-le")[: 2 * piece.precision].decode("utf-16-le", "replace")
    return _padded(piece, value.upper() if piece.conversion.isupper() else value)


def show_whole(specifier: str, value: int | None, bits: int) -> str:
    """%d, %x, %o, %c of an integer of so many bits."""
    piece = _piece(specifier)
    if value is None:
        return _padded(piece, "NULL" if piece.conversion.isupper() else "null")
    conversion = piece.conversion
    if conversion == "c":
        if not 0 <= value <= 0x10FFFF:
            raise ValueError("no character")
        return _padded(piece, chr(value))
    if conversion == "d":
        return _signed(piece, f"{abs(value):,}" if "," in piece.flags else str(abs(value)), negative=value < 0)
    shown = f"{value & ((1 << bits) - 1):{conversion.lower()}}"
    prefix = ({"x": "0x", "o": "0"}[conversion.lower()]) if "#" in piece.flags else ""
    if "0" in piece.flags:
        shown = shown.rjust(piece.width - len(prefix), "0")
    shown = prefix + shown
    return _padded(piece, shown.upper() if conversion == "X" else shown)


def show_real(specifier: str, value: float | None) -> str:
    """%f and %e."""
    piece = _piece(specifier)
    if value is None:
        return _padded(piece, ("NULL" if piece.conversion.isupper() else "null")[: piece.precision])
    if not math.isfinite(value):
        shown = "NaN" if math.isnan(value) else "Infinity"
        if math.isnan(value):
            return _padded(piece, shown)
        return _signed(Piece("", 0, "s", piece.flags.replace("0", ""), piece.width), shown, negative=value < 0)
    places = 6 if piece.precision is None else piece.precision
    negative = math.copysign(1, value) < 0
    number = Decimal(repr(abs(value)))
    if piece.conversion == "f":
        rounded = number.quantize(Decimal((0, (1,), -places)), rounding=ROUND_HALF_UP, context=_CONTEXT)
        shown = f"{rounded:,f}" if "," in piece.flags else f"{rounded:f}"
    else:
        shown = _scientific(number, places)
        shown = shown.upper() if piece.conversion == "E" else shown
    if "#" in piece.flags and not places:
        shown += "."
    return _signed(piece, shown, negative=negative)


def _scientific(number: Decimal, places: int) -> str:
    if not number:
        return f"{Decimal(0):.{places}f}e+00"
    exponent = number.adjusted()
    scaled = number.scaleb(-exponent, context=_CONTEXT)
    rounded = scaled.quantize(Decimal((0, (1,), -places)), rounding=ROUND_HALF_UP, context=_CONTEXT)
    if rounded >= 10:
        exponent += 1
        rounded = (rounded / 10).quantize(Decimal((0, (1,), -places)), context=_CONTEXT)
    return f"{rounded:f}e{'-' if exponent < 0 else '+'}{abs(exponent):02}"


def _signed(piece: Piece, digits: str, *, negative: bool) -> str:
    before, after = "", ""
    if negative:
        before, after = ("(", ")") if "(" in piece.flags else ("-", "")
    elif "+" in piece.flags:
        before = "+"
    elif " " in piece.flags:
        before = " "
    if "0" in piece.flags:
        digits = digits.rjust(piece.width - len(before) - len(after), "0")
    return _padded(piece, before + digits + after)


def _padded(piece: Piece, text: str) -> str:
    # Java counts UTF-16's units.
    missing = " " * (piece.width - len(text) - sum(each > "\uffff" for each in text))
    return text + missing if "-" in piece.flags else missing + text


# Rounding


def round_real(value: float, places: int) -> float:
    """Half up, of the shortest digits that mean the number (Spark's `round` of a DOUBLE)."""
    return _round_float(value, places, ROUND_HALF_UP)


def bround_real(value: float, places: int) -> float:
    """Half even, of the shortest digits that mean the number (Spark's `bround` of a DOUBLE)."""
    return _round_float(value, places, ROUND_HALF_EVEN)


def _round_float(value: float, places: int, rounding: str) -> float:
    if not math.isfinite(value):
        return value
    if places > 400:
        return value
    if places < -400:
        return 0.0
    rounded = Decimal(repr(value)).quantize(Decimal((0, (1,), -places)), rounding=rounding, context=_CONTEXT)
    return float(rounded) + 0.0 if rounded else 0.0
