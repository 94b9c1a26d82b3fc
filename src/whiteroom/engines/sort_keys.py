"""Which parts of a sort key keep the order of the column that they are made from, and which make another of it.

Sorting by one column compares its rows with each other, and tells no value. Sorting by a function of it does: by
md5(salary), by md5(md5(salary)) and so on, a few dozen orders leave one pair of salaries that fits them all;
CAST(salary AS TINYINT) tells what is left of a division by 256. So what is not known to keep the order counts as
a comparison with something that is not written.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from whiteroom.engines.origins import Origins

_KEEPING = (
    exp.AggFunc,
    exp.RowNumber,
    exp.Case,
    exp.If,
    exp.Coalesce,
    exp.Round,
    exp.Floor,
    exp.Ceil,
    exp.Year,
    exp.DateTrunc,
    exp.TimestampTrunc,
)
"""Functions whose result is in the order of their argument, or which only choose among several."""

_DIGITS = {exp.DType.TINYINT: 3, exp.DType.SMALLINT: 5, exp.DType.INT: 10, exp.DType.BIGINT: 20}
"""How many digits before the point a whole number of a type may have, as Spark counts them."""

_REALS = frozenset({exp.DType.FLOAT, exp.DType.DOUBLE})
_TIMES = frozenset({exp.DType.DATE, exp.DType.TIMESTAMP, exp.DType.TIMESTAMPNTZ, exp.DType.TIMESTAMPTZ})
_WIDE = frozenset({exp.DType.INT, exp.DType.BIGINT})


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
    return isinstance(part, exp.Func) and not isinstance(part, (*_KEEPING, exp.Connector))


def _keeps(cast: exp.Cast) -> bool:
    to, of = cast.args["to"], cast.this.type
    if of is None:
        return False
    if of.this in _REALS:
        # Beyond the type's range a real number becomes its last one; of the two narrow types it begins again.
        return to.this in _REALS or to.this in _WIDE
    if of.this in _TIMES:
        return to.this in _TIMES
    digits, room = _digits(of), _digits(to)
    if digits is None:
        return to.this is of.this
    return to.this in _REALS or (room is not None and room >= digits)


def _digits(kind: exp.DataType) -> int | None:
    if kind.this is exp.DType.DECIMAL:
        precision, scale = ([int(given.name) for given in kind.expressions] + [10, 0][len(kind.expressions) :])[:2]
        return precision - scale
    return _DIGITS.get(kind.this)
