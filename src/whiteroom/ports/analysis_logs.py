"""The analysis logs of all accounts, read from any place on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from whiteroom.domain.observability.analysis_logs import AnalysisLogEvent, LogStage, StreamSpan


@dataclass(frozen=True, slots=True)
class LogStreamKey:
    """One stream: whose, of which collaboration, and its name."""

    account_id: str
    collaboration_id: str
    stream: str


@dataclass(frozen=True, slots=True)
class PlacedEvent:
    """An event, and its place: a number that grows from event to event of a stream."""

    place: int
    event: AnalysisLogEvent


class AnalysisLogs(Protocol):
    """Events of analyses, as each account may read them. They are written once, and never changed."""

    def add(self, events: Iterable[AnalysisLogEvent]) -> None:
        """Write events at the ends of their streams, none with an earlier time than the one before it.

        Raises:
            Duplicate: one with that id is there already.
        """

    def of(self, analysis_id: str, stage: LogStage) -> tuple[AnalysisLogEvent, ...]:
        """The events of one stage of an analysis, one for each account that has it."""

    def streams(self, account_id: str, collaboration_id: str) -> tuple[StreamSpan, ...]:
        """The streams of an account's log of a collaboration that have events, by name."""

    def forward(self, key: LogStreamKey, start: int, limit: int) -> tuple[PlacedEvent, ...]:
        """At most `limit` events of a stream from the place `start` on."""

    def backward(self, key: LogStreamKey, end: int, limit: int) -> tuple[PlacedEvent, ...]:
        """At most `limit` events of a stream before the place `end`, the last one first."""

    def end(self, key: LogStreamKey) -> int:
        """A place after the last event of a stream."""

    def first_at(self, key: LogStreamKey, at: datetime) -> int:
        """The place of the first event that is not older; the end, where there is none."""
