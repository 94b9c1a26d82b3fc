"""How much a query wrote, as it is kept for metrics of analyses (domain/analysis_metrics.py)."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from whiteroom.domain.analysis_metrics import written
from whiteroom.ports import Transaction
from whiteroom.reads.current_rules import CurrentRules


def amount_written(
    tx: Transaction, association_ids: Collection[str], rows: int, size_bytes: int
) -> Mapping[str, int] | None:
    """What is kept, under the rules of now; None where one of these tables hides counts, or is there no more."""
    tables = CurrentRules(tx).tables(association_ids)
    return written(rows, size_bytes, tables.values()) if len(tables) == len(set(association_ids)) else None
