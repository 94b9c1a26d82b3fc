"""ports.Transaction: every repository over one open session, made when asked for."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from whiteroom.domain.observability.events import EventSummary, ResourceEvent
from whiteroom.ports.repositories import LifecycleRepository, Repository
from whiteroom.ports.transaction import Kind, Transaction
from whiteroom.store.analysis_logs import TableAnalysisLogs
from whiteroom.store.lifecycles import TableLifecycleRepository, read_events, read_newest_events, remove_events
from whiteroom.store.metrics import TableMetrics
from whiteroom.store.repositories import TableRepository
from whiteroom.store.session import Session
from whiteroom.store.tables import RECORDS
from whiteroom.store.tags import TableTags

P = TypeVar("P")


class StoreTransaction(Transaction):
    """One open transaction. Not for use after it has ended, nor by another thread."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def repository(self, kind: Kind[P]) -> P:
        entry = RECORDS[kind.name]
        made: Repository[Any] | LifecycleRepository[Any]
        if kind.lifecycle is None:
            made = TableRepository(self._session, entry)
        else:
            made = TableLifecycleRepository(self._session, entry, kind.lifecycle)
        return cast("P", made)

    @property
    def tags(self) -> TableTags:
        return TableTags(self._session)

    @property
    def metrics(self) -> TableMetrics:
        return TableMetrics(self._session)

    @property
    def analysis_logs(self) -> TableAnalysisLogs:
        return TableAnalysisLogs(self._session)

    def forget_events(self, record: Any) -> None:
        remove_events(self._session, record)

    def events(self, arn: str) -> tuple[ResourceEvent, ...]:
        return read_events(self._session, arn)

    def newest_events(self, limit: int, before: int | None = None) -> tuple[EventSummary, ...]:
        return read_newest_events(self._session, limit, before)
