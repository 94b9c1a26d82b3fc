"""Limits how many refused attempts are recorded, so that repeating one cannot fill other members' logs."""

from __future__ import annotations

from datetime import datetime

A_MINUTE = 60
"""Of one account, in one minute of the clock; those after them are refused and not written down."""


class RefusalCount:
    """Counts the refused attempts of each account in the minute that it is now. Of one server's, in memory."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: dict[str, int] = {}

    def one_more(self, account_id: str, now: datetime) -> bool:
        """Whether one more of an account's is to be written down."""
        minute = int(now.timestamp()) // 60
        if minute != self._minute:
            self._minute, self._counts = minute, {}
        self._counts[account_id] = self._counts.get(account_id, 0) + 1
        return self._counts[account_id] <= A_MINUTE
