"""How many steps may wait at a time for what is one account's own, so that others' steps go on meanwhile.

A member's catalog or database takes as long to answer as it likes. Whoever has many queries over a table in it would
otherwise have every thread of the control loop wait there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class NoPlace(Exception):
    """As many steps as may wait for that account's own do."""


class Shares:
    """So many places for each account."""

    def __init__(self, places: int, patience_seconds: float = 1.0) -> None:
        """Give each account so many places; whoever finds none waits so long for one that is soon free."""
        self._places = places
        self._patience_seconds = patience_seconds
        self._taken: Counter[str] = Counter()
        self._changed = Condition()

    @contextmanager
    def place(self, account_id: str) -> Iterator[None]:
        """Take a place of an account.

        Raises:
            NoPlace: all of them are taken.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._taken[account_id] < self._places, self._patience_seconds):
                raise NoPlace
            self._taken[account_id] += 1
        try:
            yield
        finally:
            with self._changed:
                self._taken[account_id] -= 1
                self._changed.notify_all()
