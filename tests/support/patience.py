"""How long tests wait for what other processes do: longer where the machine is busy, since no test decides by time."""

from __future__ import annotations

import os
import time

_MOST = 20.0
"""A machine with more to do than that many of its kind could is not waited for."""


class Patience:
    """Runs out when so many seconds have passed on a machine that had nothing else to do, or as many more as it had."""

    def __init__(self, seconds: float) -> None:
        self._began = time.monotonic()
        self._seconds = seconds
        self._stretch = 1.0

    @property
    def is_lost(self) -> bool:
        """Whether it has run out. The busiest moment of the wait counts: what was slowed down then is late now."""
        self._stretch = max(self._stretch, stretch())
        return time.monotonic() - self._began > self._seconds * self._stretch


def stretch() -> float:
    """By how much longer everything takes now than on an idle machine."""
    load, _, _ = os.getloadavg()
    return min(max(1.0, load / len(os.sched_getaffinity(0))), _MOST)
