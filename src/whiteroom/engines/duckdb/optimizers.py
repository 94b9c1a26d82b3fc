"""Which of DuckDB's optimizers (2.0) are off, for which queries, and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

ALWAYS: Final = ("type_pushdown", "late_materialization")
"""The first has a CSV read as what a column is cast to, where TRY_CAST then fails as CAST does. The second ends a query
with LIMIT over a file in an internal error, where none of the file's columns is in the answer."""

BY_ARRIVAL: Final = ("cte_inlining",)
"""Of a query whose values depend on the order in which rows arrive: what is written once and inlined twice is made
twice, and which is made first is not said, on one thread either."""

OF_GROUPS_THAT_ARE_LEFT: Final = ("join_order", "build_side_probe_side")
"""Of such a query over groups of which some are dropped: how tables are joined follows from how many rows there are,
those of dropped groups among them."""

PRIVATE: Final = ("common_subexpressions", "join_filter_pushdown", "statistics_propagation")
"""Of a private query. The first computes what stands twice in a TRY once, and outside of it. The other two leave out
rows that join with nothing, and which those are the protected rows say."""


def without(*optimizers: Iterable[str]) -> str:
    """The setting for a connection that runs without `ALWAYS` and these."""
    return f"SET disabled_optimizers = '{','.join((*ALWAYS, *(name for names in optimizers for name in names)))}'"
