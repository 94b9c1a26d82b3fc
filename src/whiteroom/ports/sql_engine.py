"""Judges and runs protected queries."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from whiteroom.domain.execution.queries import QueryObservation, QuerySpec


class SqlEngine(Protocol):
    """Runs one guarded query at a time per id, in a limited process of its own.

    Judging (sql/judging.py) and writing run in that process too, so
    that a hostile query costs nobody else anything.
    """

    def start(self, spec: QuerySpec) -> None:
        """Start the query unless it runs or has ended; a repeat is harmless."""

    def observe(self, query_id: str) -> QueryObservation:
        """What the query is doing now; a process that died without a word is `Phase.ABSENT`."""

    def stop(self, query_id: str) -> None:
        """Kill the query. An absent one is a success."""

    def forget(self, query_id: str) -> None:
        """Kill the query and free what it holds; its result folder is the caller's and stays."""

    def queries(self) -> Iterable[str]:
        """Every query that still holds something here."""
