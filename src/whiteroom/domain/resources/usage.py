"""Usage: what each payer's work took of the machine, day by day, and what was kept for it; a consortium's bill.

Days are UTC's. What work takes is counted on the day on which it was measured, or, of queries and syntheses, on the one
on which they ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from whiteroom.domain.execution.spending import Spent
from whiteroom.domain.resources.holdings import Holding

GB = 10**9
_HOUR_SECONDS = 3600.0


class UsageKind(StrEnum):
    """Work that takes something of the machine."""

    QUERY = "query"
    """A member's, or a channel's."""
    SYNTHESIS = "synthesis"
    """Synthetic rows, made for a channel."""
    TRAINING = "training"
    """All attempts and instances of a version of a model."""
    INFERENCE = "inference"
    """All attempts and instances of an inference job."""


@dataclass(frozen=True, slots=True)
class Metered:
    """Whose work it is, and who pays for it."""

    kind: UsageKind
    resource_id: str
    """Of its record."""
    resource: str
    """Its ARN; where AWS gives none, ours."""
    collaboration_id: str
    account_id: str
    payer_account_id: str


@dataclass(frozen=True, slots=True)
class UsageEntry:
    """What one piece of work took on one day."""

    id: str
    kind: UsageKind
    resource_id: str
    resource: str
    collaboration_id: str
    account_id: str
    payer_account_id: str
    day: str
    """ISO 8601."""
    seconds: float
    cpu_seconds: float
    byte_seconds: float
    created_at: datetime

    @property
    def spent(self) -> Spent:
        """All of it."""
        return Spent(self.seconds, self.cpu_seconds, self.byte_seconds)


def entry_of(metered: Metered, day: date, now: datetime) -> UsageEntry:
    """An entry in which nothing is counted yet."""
    return UsageEntry(
        id=f"{metered.kind.value}/{metered.resource_id}/{day.isoformat()}",
        kind=metered.kind,
        resource_id=metered.resource_id,
        resource=metered.resource,
        collaboration_id=metered.collaboration_id,
        account_id=metered.account_id,
        payer_account_id=metered.payer_account_id,
        day=day.isoformat(),
        seconds=0.0,
        cpu_seconds=0.0,
        byte_seconds=0.0,
        created_at=now,
    )


@dataclass(frozen=True, slots=True)
class BillLine:
    """What one payer owes for one thing."""

    payer_account_id: str
    collaboration_id: str
    resource: str
    kind: str
    """`query`, ..., and `stored channel`, ... of what was kept."""
    cpu_seconds: float = 0.0
    memory_gb_hours: float = 0.0
    stored_gb_hours: float = 0.0


def bill(
    entries: Iterable[UsageEntry], holdings: Iterable[Holding], first: date | None, last: date | None, now: datetime
) -> list[BillLine]:
    """What was used from the first day to the last, both included; without them, from the beginning until now.

    By payer, collaboration, resource and kind, in this order.
    """
    lines: dict[tuple[str, str, str, str], BillLine] = {}

    def line(payer: str, collaboration: str, resource: str, kind: str) -> BillLine:
        key = (payer, collaboration, resource, kind)
        return lines.setdefault(key, BillLine(*key))

    def put(changed: BillLine) -> None:
        lines[changed.payer_account_id, changed.collaboration_id, changed.resource, changed.kind] = changed

    for entry in entries:
        if (first is None or entry.day >= first.isoformat()) and (last is None or entry.day <= last.isoformat()):
            one = line(entry.payer_account_id, entry.collaboration_id, entry.resource, entry.kind.value)
            put(
                replace(
                    one,
                    cpu_seconds=one.cpu_seconds + entry.cpu_seconds,
                    memory_gb_hours=one.memory_gb_hours + entry.byte_seconds / GB / _HOUR_SECONDS,
                )
            )
    for holding in holdings:
        seconds = _held_seconds(holding, first, last, now)
        if seconds > 0:
            kind = f"stored {holding.kind.value}"
            one = line(holding.payer_account_id, holding.collaboration_id, holding.resource, kind)
            hours = seconds / _HOUR_SECONDS
            put(replace(one, stored_gb_hours=one.stored_gb_hours + holding.size_bytes / GB * hours))
    return [lines[key] for key in sorted(lines)]


def _held_seconds(holding: Holding, first: date | None, last: date | None, now: datetime) -> float:
    """For how long of these days the bytes were there."""
    begin, end = holding.created_at, min(holding.ended_at or now, now)
    if first is not None:
        begin = max(begin, datetime.combine(first, time(), UTC))
    if last is not None:
        end = min(end, datetime.combine(last + timedelta(days=1), time(), UTC))
    return (end - begin).total_seconds()
