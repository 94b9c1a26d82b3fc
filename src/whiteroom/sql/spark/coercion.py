"""What several values become that are to be of one type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlglot import exp

from whiteroom.sql.refusals import Refused
from whiteroom.sql.spark.types import UNKNOWN, of, widest


def refused(what: str, kinds: Iterable[exp.DataType]) -> Refused:
    """The refusal of what Spark does not do with values of these types."""
    names = sorted({kind.sql("spark").lower() for kind in kinds})
    return Refused(f"Spark does not {what} {' and '.join(names)}. Cast the values to one type.")


def chosen_type(nodes: Sequence[exp.Expr], *, text: bool = True) -> exp.DataType:
    """The type of a choice between them; UNKNOWN where that of one is.

    Raises:
        Refused: Spark has none.
    """
    kinds = [of(node) for node in nodes]
    if UNKNOWN in kinds:
        return UNKNOWN
    common = widest(kinds, text=text)
    if common is None:
        raise refused("choose between", kinds)
    return common
