"""The analysis logs that one account may read, as CloudWatch Logs groups: one for each collaboration.

Its streams are `queries` and `jobs`. Events are written for each account apart
(domain/observability/analysis_logs.py), so that nothing is left to hide when they are read; and they stay the
account's own when it has left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from whiteroom.domain.execution.runs import LogLine
from whiteroom.domain.observability.analysis_logs import GROUP_PREFIX, Category, StreamSpan, group_name, logs_enabled
from whiteroom.domain.privacy.redaction import Finder
from whiteroom.ports.analysis_logs import LogStreamKey, PlacedEvent
from whiteroom.ports.run_logs import PlacedLine, RunLogs
from whiteroom.ports.transaction import Transaction

_PAGE = 20
"""Events read at a time: the SQL in one may have 500,000 characters."""
_LATEST_MS = 253_402_300_799_000
"""The last moment that a datetime holds."""


@dataclass(frozen=True, slots=True)
class AnalysisStream:
    """One stream of a group, read like a run's log (log_reading.MemberLog)."""

    key: LogStreamKey
    span: StreamSpan

    @property
    def run_id(self) -> str:
        """What its places are sealed with."""
        return f"analyses-{self.key.account_id}-{self.key.collaboration_id}-{self.key.stream}"

    @property
    def created_at(self) -> datetime:
        """When its first event was."""
        return self.span.first_at

    @property
    def started_at(self) -> datetime:
        """When its first event was."""
        return self.span.first_at

    @property
    def ended_at(self) -> datetime | None:
        """When its last event was, so far."""
        return self.span.last_at

    @property
    def streams(self) -> tuple[str, ...]:
        """Itself."""
        return (self.key.stream,)

    @property
    def searches_persons(self) -> bool:
        """Nothing is searched for: an event holds no value of a row."""
        return False

    def stream(self, host: str) -> str:  # noqa: ARG002 - no instance writes here
        """Itself."""
        return self.key.stream


@dataclass(frozen=True, slots=True)
class AnalysisReader:
    """One account, and what it takes to show it its analysis logs."""

    tx: Transaction
    account_id: str
    logs: RunLogs
    finder: Finder

    def runs(self, group: str, stream: str = "") -> Iterator[AnalysisStream]:
        """The streams of a group that have events, and a name that begins so."""
        collaboration_id = group.removeprefix(GROUP_PREFIX)
        for span in self.tx.analysis_logs.streams(self.account_id, collaboration_id):
            if span.name.startswith(stream):
                yield AnalysisStream(LogStreamKey(self.account_id, collaboration_id, span.name), span)

    def key(self) -> bytes:
        """What places are sealed with: they count the events of all accounts."""
        return self.logs.key()

    def first_at(self, run: AnalysisStream, at_ms: int) -> int:
        """The place of the first event that is not older."""
        if not 0 <= at_ms <= _LATEST_MS:
            return 0 if at_ms < 0 else self.end(run)
        return self.tx.analysis_logs.first_at(run.key, datetime.fromtimestamp(at_ms / 1000, UTC))

    def end(self, run: AnalysisStream) -> int:
        """A place after everything that the stream has now."""
        return self.tx.analysis_logs.end(run.key)

    def forward(self, run: AnalysisStream, start: int) -> Iterator[PlacedLine]:
        """The events from a place on."""
        place = start
        while page := self.tx.analysis_logs.forward(run.key, place, _PAGE):
            yield from map(_line, page)
            place = page[-1].place + 1

    def backward(self, run: AnalysisStream, end: int) -> Iterator[PlacedLine]:
        """The events before a place, the last one first."""
        place = end
        while page := self.tx.analysis_logs.backward(run.key, place, _PAGE):
            yield from map(_line, page)
            place = page[-1].place

    def redacted_line(self, run: AnalysisStream, placed: PlacedLine, summary: frozenset[int]) -> str:  # noqa: ARG002 - as Reader
        """An event, as it was written for this account."""
        return placed.line.text

    def summary_of(self, run: AnalysisStream) -> frozenset[int]:  # noqa: ARG002 - as Reader
        """Nothing: nobody reads summaries alone here."""
        return frozenset()


def groups_of(tx: Transaction, account_id: str) -> list[str]:
    """The groups of an account: of every collaboration of which it has events, or would have."""
    found = []
    for membership in tx.memberships.all(account_id=account_id):
        collaboration = tx.collaborations.get(membership.collaboration_id)
        if collaboration is None:
            continue
        enabled = any(logs_enabled(collaboration, membership, category) for category in Category)
        if enabled or tx.analysis_logs.streams(account_id, collaboration.id):
            found.append(group_name(collaboration.id))
    return sorted(set(found))


def _line(placed: PlacedEvent) -> PlacedLine:
    event = placed.event
    text = json.dumps(event.message, ensure_ascii=False, separators=(",", ":"))
    return PlacedLine(placed.place, placed.place + 1, LogLine(int(event.at.timestamp() * 1000), "platform", text))
