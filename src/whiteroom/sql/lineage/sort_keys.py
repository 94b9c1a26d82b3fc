"""Which parts of a sort key keep the order of the column that they are made from, and which make another of it.

Sorting by one column compares its rows with each other, and reveals no value. Sorting by a function of it does: by
md5(salary), by md5(md5(salary)) and so on, a few dozen orders leave one pair of salaries that fits them all;
CAST(salary AS TINYINT) reveals the remainder of a division by 256; round(salary, -3) reveals, by the second sort key,
whose salaries are in the same thousand. So whatever is not known to keep the order, and to keep unequal values apart,
reveals more of its column than its order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlglot import exp

from whiteroom.sql.lineage.origins import Origins

_KEEPING = (exp.AggFunc, exp.RowNumber, exp.Case, exp.If, exp.Coalesce)
"""Functions that only choose among values, or give places in an order. What aggregates compute is in `tallies.py`."""
_MOVING = (exp.AtTimeZone, exp.FromTimeZone, exp.Interval)
"""What is no function to sqlglot, and may make one value of two."""

_DIGITS = {exp.DType.TINYINT: 3, exp.DType.SMALLINT: 5, exp.DType.INT: 10, exp.DType.BIGINT: 20}
"""How many digits before the point a whole number of a type may have, as Spark counts them."""
_EXACT = {exp.DType.FLOAT: 7, exp.DType.DOUBLE: 15}
"""Up to how many digits a real number has each whole number of that length, and no two of them are one."""
_MOMENTS = frozenset({exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ, exp.DType.TIMESTAMPTZ})
_WIDER: Mapping[exp.DType, frozenset[exp.DType]] = {
    exp.DType.FLOAT: frozenset(_EXACT),
    exp.DType.DATE: _MOMENTS | {exp.DType.DATE},
    **dict.fromkeys(_MOMENTS, _MOMENTS),
}
"""Into which types these are cast and stay apart."""


def parts(key: exp.Expr, origins: Origins) -> Iterator[exp.Expr]:
    """Each part of a sort key, through every name that a value passes under."""
    pending, seen = [key], set[int]()
    while pending:
        root = pending.pop()
        if id(root) in seen:
            continue
        seen.add(id(root))
        for node in root.walk():
            yield node
            if isinstance(node, exp.Column):
                pending += origins.behind(node)


def makes_another_order(part: exp.Expr) -> bool:
    """Whether rows sorted by this part may stand otherwise than when they are sorted by what it is made from."""
    if isinstance(part, exp.Cast):
        return not _keeps(part)
    return isinstance(part, _MOVING) or (
        isinstance(part, exp.Func) and not isinstance(part, (*_KEEPING, exp.Connector))
    )


def _keeps(cast: exp.Cast) -> bool:
    """Whether of any two values the cast makes two, in the same order."""
    to, of = cast.args["to"], cast.this.type
    if of is None:
        return False
    if of.this in _WIDER:
        return to.this in _WIDER[of.this]
    digits, room = _digits(of), _digits(to)
    if digits is None:
        return to.this is of.this
    if to.this in _EXACT:
        return sum(digits) <= _EXACT[to.this]
    return room is not None and all(mine >= given for mine, given in zip(room, digits, strict=True))


def _digits(kind: exp.DataType) -> tuple[int, int] | None:
    """How many digits a number of the type may have before the point and after it; None of what is no exact number."""
    if kind.this is exp.DType.DECIMAL:
        precision, scale = ([int(given.name) for given in kind.expressions] + [10, 0][len(kind.expressions) :])[:2]
        return precision - scale, scale
    digits = _DIGITS.get(kind.this)
    return None if digits is None else (digits, 0)
