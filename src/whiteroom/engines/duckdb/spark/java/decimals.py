"""Decimals whose exact result has more digits than DuckDB holds: computed and rounded as Spark does."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

_EXACT = Context(prec=160, rounding=ROUND_HALF_UP)
_OF_JAVA = Context(prec=38, rounding=ROUND_HALF_UP)
"""Spark multiplies to so many digits, and divides to 39 after the point, before it rounds to the type."""
_DIVIDED = Decimal((0, (1,), -39))


def computed(symbol: str, left: str, right: str, precision: int, scale: int) -> str | None:
    """The result as text; None where it does not fit its type, or is divided by zero."""
    first, second = Decimal(left), Decimal(right)
    if symbol in "/%" and not second:
        return None
    match symbol:
        case "+":
            exact = _EXACT.add(first, second)
        case "-":
            exact = _EXACT.subtract(first, second)
        case "*":
            exact = _OF_JAVA.plus(_EXACT.multiply(first, second))
        case "/":
            exact = _EXACT.divide(first, second).quantize(_DIVIDED, context=_EXACT)
        case _:
            exact = _EXACT.remainder(first, second)
    rounded = exact.quantize(Decimal((0, (1,), -scale)), context=_EXACT)
    if rounded and rounded.adjusted() + 1 > precision - scale:
        return None
    return format(rounded, "f")
