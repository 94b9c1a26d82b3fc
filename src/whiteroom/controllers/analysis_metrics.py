"""Keeps what a query read, wrote and used, for metrics of analyses.

What members read of it: domain/observability/analysis_metrics.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from whiteroom.domain.execution.queries import QueryUse
from whiteroom.domain.observability.analysis_metrics import measures
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.current_rules import CurrentRules


def measures_of(
    tx: Transaction, association_ids: Collection[str], rows: int, size_bytes: int, use: QueryUse | None
) -> Mapping[str, float]:
    """What is kept, under the rules of now: those of a table that is there no more are taken to hide its counts.

    Args:
        tx: where the rules are.
        association_ids: of the tables that it read.
        rows: how many it wrote.
        size_bytes: their files.
        use: what the engine says that it read and used.
    """
    tables = CurrentRules(tx).tables(association_ids)
    known = len(tables) == len(set(association_ids))
    return measures(rows, size_bytes, use, tables.values() if known else None)
