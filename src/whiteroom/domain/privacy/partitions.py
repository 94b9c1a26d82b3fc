"""Which partitions of a table a query can see: those in which its own comparisons with literals may hold.

A prune only ever removes what the query cannot see. What is not certain stays: a value or a literal that is not written
plainly as one of its column's type, a type without an order that every engine shares.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

_BITS: Mapping[str, int] = {"tinyint": 7, "smallint": 15, "int": 31, "bigint": 63}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


class Operator(StrEnum):
    """How a column is compared with a literal."""

    EQ = "="
    """They are the same."""
    NE = "<>"
    """They are not."""
    LT = "<"
    """The column's is less; of texts, by their bytes in UTF-8."""
    LE = "<="
    """It is less, or the same."""
    GT = ">"
    """It is more."""
    GE = ">="
    """It is more, or the same."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A column of a table compared with a literal: never true of NULL."""

    column: str
    """In lower case."""
    operator: Operator
    literal: str
    """As it is written, without quotes."""
    is_text: bool
    """Whether the literal stood in quotes."""


AnyOf = tuple[Comparison, ...]
"""Comparisons of which one holds for each row that is seen."""

Use = tuple[AnyOf, ...]
"""What holds for each row that one use of a table in a query sees."""


def may_be_seen(partition: Mapping[str, str | None], types: Mapping[str, str], uses: Sequence[Use]) -> bool:
    """Whether a query may see rows of a partition.

    Args:
        partition: its values as they are written, by the columns' names in lower case; None is NULL.
        types: of these columns, in Spark SQL's spelling.
        uses: of the table in the query, at least one.
    """
    return any(all(any(_may_hold(partition, types, one) for one in any_of) for any_of in use) for use in uses)


def _may_hold(partition: Mapping[str, str | None], types: Mapping[str, str], comparison: Comparison) -> bool:
    if comparison.column not in partition:
        return True
    value, kind = partition[comparison.column], types[comparison.column]
    if value is None:
        return False
    left = _plain(value, kind, is_text=True)
    right = _plain(comparison.literal, kind, is_text=comparison.is_text)
    if left is None or right is None or (kind == "string" and not comparison.is_text):
        return True
    if kind in _BITS and comparison.is_text:
        return True
    return _holds(left, comparison.operator, right)


Plain = tuple[int, bytes]


def _plain(written: str, kind: str, *, is_text: bool) -> Plain | None:
    """A value that compares as engines compare it; None where that is not certain."""
    if kind == "string":
        return (0, written.encode("utf-8", "surrogatepass"))
    if kind in _BITS and _INTEGER.fullmatch(written):
        number = int(written)
        return (number, b"") if -(1 << _BITS[kind]) <= number < 1 << _BITS[kind] else None
    if kind == "date" and is_text and _DATE.fullmatch(written):
        try:
            return (date.fromisoformat(written).toordinal(), b"")
        except ValueError:
            return None
    return None


def _holds(left: Plain, operator: Operator, right: Plain) -> bool:
    match operator:
        case Operator.EQ:
            return left == right
        case Operator.NE:
            return left != right
        case Operator.LT:
            return left < right
        case Operator.LE:
            return left <= right
        case Operator.GT:
            return left > right
        case Operator.GE:
            return left >= right
