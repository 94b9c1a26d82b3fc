"""A place in a list that is paged by key, as a link holds it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from whiteroom.ports.repositories import PageKey

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PLACE = re.compile(r"([0-9]{1,17})\.(.{1,200})", re.DOTALL)


def place_of(key: PageKey | None) -> str:
    """The text of a place; empty where the list ends."""
    return "" if key is None else f"{(key.created_at - _EPOCH) // _MICROSECOND}.{key.id}"


def place_in(text: str) -> PageKey | None:
    """The place that a link names; None, which is the beginning, where it names none."""
    found = _PLACE.fullmatch(text)
    return None if found is None else PageKey(_EPOCH + int(found.group(1)) * _MICROSECOND, found.group(2))
