"""Values of several types that meet: the type that all become, and the refusal where Spark has none."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from whiteroom.sql.spark.coercion import refused
from whiteroom.sql.spark.types import UNKNOWN, of, widest


def common_type(what: str, nodes: Sequence[exp.Expr], *, text: bool = True) -> exp.DataType | None:
    """The type that all become; None where one is not known, or all have it.

    Raises:
        Refused: Spark has none.
    """
    kinds = [of(node) for node in nodes]
    if UNKNOWN in kinds or len(set(kinds)) == 1:
        return None
    common = widest(kinds, text=text)
    if common is None:
        raise refused(what, kinds)
    return common
