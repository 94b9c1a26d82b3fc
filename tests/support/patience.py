"""How long tests wait for what other processes do: longer where the machine is busy, since no test decides by time."""

from __future__ import annotations

import os
import time

_MOST = 20.0
"""A machine with more to do than that many of its kind could is not waited for."""
_LEAST_REST_SECONDS, _MOST_REST_SECONDS = 0.005, 0.25
"""Between two looks: one takes milliseconds of what is looked at, too."""


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

    def rest(self) -> None:
        """Sleep until the next look: a tenth of what was waited so far, so that looking takes little of the machine."""
        waited = time.monotonic() - self._began
        time.sleep(min(max(_LEAST_REST_SECONDS, waited / 10), _MOST_REST_SECONDS))


def stretch() -> float:
    """By how much longer everything takes now than on an idle machine."""
    load, _, _ = os.getloadavg()
    return min(max(1.0, load / len(os.sched_getaffinity(0))), _MOST)
