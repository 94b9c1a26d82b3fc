"""Time zones by name (java.time.ZoneId), for `from_utc_timestamp` and `to_utc_timestamp`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_OFFSET = re.compile(r"(?:UTC|GMT|UT)?([+-])(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}))?")
_SHORT = {
    "ACT": "Australia/Darwin",
    "AET": "Australia/Sydney",
    "AGT": "America/Argentina/Buenos_Aires",
    "ART": "Africa/Cairo",
    "AST": "America/Anchorage",
    "BET": "America/Sao_Paulo",
    "BST": "Asia/Dhaka",
    "CAT": "Africa/Harare",
    "CNT": "America/St_Johns",
    "CST": "America/Chicago",
    "CTT": "Asia/Shanghai",
    "EAT": "Africa/Addis_Ababa",
    "ECT": "Europe/Paris",
    "IET": "America/Indiana/Indianapolis",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "MIT": "Pacific/Apia",
    "NET": "Asia/Yerevan",
    "NST": "Pacific/Auckland",
    "PLT": "Asia/Karachi",
    "PNT": "America/Phoenix",
    "PRT": "America/Puerto_Rico",
    "PST": "America/Los_Angeles",
    "SST": "Pacific/Guadalcanal",
    "VST": "Asia/Ho_Chi_Minh",
    "EST": "-05:00",
    "MST": "-07:00",
    "HST": "-10:00",
}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- a local time


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo | timedelta:
    """The zone, or its fixed offset.

    Raises:
        ValueError: Java knows no such zone.
    """
    name = _SHORT.get(name, name)
    match = _OFFSET.fullmatch(name)
    if match:
        sign, *parts = match.groups()
        hours, minutes, seconds = (int(part or 0) for part in parts)
        if hours > 18 or minutes > 59 or seconds > 59:
            raise ValueError("no such zone")
        offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if offset > timedelta(hours=18):
            raise ValueError("no such zone")
        return -offset if sign == "-" else offset
    if name in {"Z", "UTC", "GMT", "UT"}:
        return timedelta(0)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("no such zone") from None


def from_utc(micros: int, name: str) -> int:
    """The wall's time in a zone of an instant."""
    found = zone(name)
    if isinstance(found, timedelta):
        return micros + found // timedelta(microseconds=1)
    instant = (_EPOCH + timedelta(microseconds=micros)).replace(tzinfo=UTC)
    offset = instant.astimezone(found).utcoffset() or timedelta(0)
    return micros + offset // timedelta(microseconds=1)


def to_utc(micros: int, name: str) -> int:
    """The instant of a wall's time in a zone: the earlier where there are two, moved on where there is none."""
    found = zone(name)
    if isinstance(found, timedelta):
        return micros - found // timedelta(microseconds=1)
    local = (_EPOCH + timedelta(microseconds=micros)).replace(tzinfo=found)
    offset = local.utcoffset() or timedelta(0)
    return micros - offset // timedelta(microseconds=1)
