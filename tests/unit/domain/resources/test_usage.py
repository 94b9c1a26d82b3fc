from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest

from whiteroom.domain.execution.spending import Spent
from whiteroom.domain.resources.holdings import Holding, HoldingKind
from whiteroom.domain.resources.usage import Metered, UsageEntry, UsageKind, bill, entry_of

NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)
NOW = datetime(2030, 1, 31, tzinfo=UTC)
_NUMBERS = itertools.count()


def entry(day: str, payer: str = "2", resource: str = "arn:a", kind: UsageKind = UsageKind.QUERY) -> UsageEntry:
    empty = entry_of(Metered(kind, resource, resource, "room", "1", payer), date.fromisoformat(day), NOON)
    return UsageEntry(
        **{name: getattr(empty, name) for name in UsageEntry.__slots__}
        | {"seconds": 10.0, "cpu_seconds": 20.0, "byte_seconds": 3_600e9}
    )


def holding(begin: datetime, end: datetime | None, size_bytes: int = 10**9, payer: str = "2") -> Holding:
    return Holding(
        f"channel/{next(_NUMBERS)}",
        HoldingKind.CHANNEL,
        "arn:a",
        "m",
        "room",
        "1",
        payer,
        size_bytes,
        end is None,
        begin,
        end,
    )


def test_what_was_used_is_added_up_by_payer_collaboration_resource_and_kind() -> None:
    entries = [
        entry("2030-01-01"),
        entry("2030-01-02"),
        entry("2030-01-02", payer="1"),
        entry("2030-01-02", resource="arn:b"),
    ]
    lines = bill(entries, (), None, None, NOW)
    assert [(line.payer_account_id, line.resource, line.cpu_seconds, line.memory_gb_hours) for line in lines] == [
        ("1", "arn:a", 20.0, 1.0),
        ("2", "arn:a", 40.0, 2.0),
        ("2", "arn:b", 20.0, 1.0),
    ]


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [(None, None, 3), ("2030-01-02", None, 2), (None, "2030-01-02", 2), ("2030-01-02", "2030-01-02", 1)],
)
def test_both_days_are_of_the_bill(first: str | None, last: str | None, days: int) -> None:
    entries = [entry(f"2030-01-0{day}") for day in (1, 2, 3)]
    begin, end = (None if day is None else date.fromisoformat(day) for day in (first, last))
    (line,) = bill(entries, (), begin, end, NOW)
    assert line.cpu_seconds == 20.0 * days


def test_bytes_are_billed_for_as_long_as_they_were_there() -> None:
    held = [holding(NOON, NOON + timedelta(hours=3)), holding(NOON, None, 2 * 10**9)]
    (line,) = bill((), held, None, None, NOON + timedelta(hours=10))
    assert line.kind == "stored channel"
    assert line.stored_gb_hours == 3 + 2 * 10


def test_of_what_was_there_before_and_after_only_the_days_that_are_asked_for_are_billed() -> None:
    held = holding(NOON, NOON + timedelta(days=10))
    (line,) = bill((), (held,), date(2030, 1, 2), date(2030, 1, 2), NOW)
    assert line.stored_gb_hours == 12
    (line,) = bill((), (held,), date(2030, 1, 3), date(2030, 1, 4), NOW)
    assert line.stored_gb_hours == 48
    assert not bill((), (held,), date(2030, 1, 13), None, NOW)
    assert not bill((), (held,), None, date(2030, 1, 1), NOW)


def test_days_that_are_billed_apart_are_the_bill_of_all_of_them() -> None:
    held = [holding(NOON + timedelta(minutes=7), NOON + timedelta(days=3, seconds=11), 123_456_789)]
    days = [date(2030, 1, 1) + timedelta(days=number) for number in range(8)]
    parts = [line.stored_gb_hours for day in days for line in bill((), held, day, day, NOW)]
    (whole,) = bill((), held, None, None, NOW)
    assert sum(parts) == pytest.approx(whole.stored_gb_hours, rel=1e-12)


def test_what_is_beyond_is_never_less_than_nothing() -> None:
    assert Spent(5, 5, 5).beyond(Spent(2, 6, 5)) == Spent(3, 0, 0)
