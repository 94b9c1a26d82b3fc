"""A record comes back from its row as it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pytest

from whiteroom.store.codec import RecordCodec


class Color(StrEnum):
    RED = "RED"


@dataclass(frozen=True, slots=True)
class Record:
    id: str
    number: int | None
    flag: bool
    color: Color
    colors: tuple[str, ...]
    document: Mapping[str, Any] | None
    at: datetime
    ended_at: datetime | None


WHOLE = Record("a", 1, True, Color.RED, ("x", "y"), {"k": [1]}, datetime(2026, 1, 2, 3, 4, 5, 678000, UTC), None)
BARE = Record("b", None, False, Color.RED, (), None, datetime(1970, 1, 1, tzinfo=UTC), datetime(2000, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("record", [WHOLE, BARE])
def test_a_record_survives_its_row(record: Record) -> None:
    codec = RecordCodec(Record)
    back = codec.decode(tuple(codec.encode_record(record).values()))
    assert type(back) is Record
    assert back == record
    assert type(back.flag) is bool


def test_what_is_read_from_a_row_is_frozen() -> None:
    codec = RecordCodec(Record)
    back: Any = codec.decode(tuple(codec.encode_record(WHOLE).values()))
    with pytest.raises(FrozenInstanceError):
        back.id = "other"


def test_a_row_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match="unpack"):
        RecordCodec(Record).decode(("a", 1))


def test_a_class_whose_making_would_be_passed_over_is_refused() -> None:
    @dataclass(frozen=True, slots=True)
    class Checked:
        id: str

        def __post_init__(self) -> None:
            raise ValueError("never valid")

    @dataclass(frozen=True)
    class Open:
        id: str

    for record in (Checked, Open):
        with pytest.raises(TypeError, match="must have slots and no __post_init__"):
            RecordCodec(record)
