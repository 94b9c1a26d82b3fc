"""How often controllers look, and how long they wait."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Intervals of the control loop, in seconds."""

    lease_seconds: float = 30.0
    """How long the work of a silent controller stays its own; a heartbeat comes three times as often."""
    first_look_seconds: float = 0.02
    """How soon something that was just started is looked at again, so that a short training ends fast."""
    look_share: float = 0.1
    """After that, each wait is this share of the time it has taken so far: it grows by itself, with no count kept."""
    slowest_look_seconds: float = 1.0
    idle_seconds: float = 1.0
    """How long an idle worker sleeps at most: another process may have made work without a word."""
    retry_seconds: float = 1.0
    """The wait after a step that failed unexpectedly; it doubles each time."""
    slowest_retry_seconds: float = 60.0
    retry_limit: int = 5
    """So many failures in a row, and the resource fails with PlatformError."""
    trouble_limit: int = 1_440
    """The same, where the machine alone is at fault (base/machine_errors.py): a full disk has a day."""
    sweep_seconds: float = 30.0

    def next_look(self, elapsed: timedelta) -> timedelta:
        """How long to wait with something that has been at it for `elapsed`."""
        if elapsed < timedelta(seconds=-1):
            return timedelta(seconds=self.slowest_look_seconds)  # the clock was set back meanwhile
        wait = max(self.first_look_seconds, elapsed.total_seconds() * self.look_share)
        return timedelta(seconds=min(wait, self.slowest_look_seconds))

    def next_try(self, failures: int) -> timedelta:
        """How long to wait after so many failures in a row (1 or more)."""
        doublings = min(failures - 1, 30)  # a day of failures would be more than a float holds
        return timedelta(seconds=min(self.retry_seconds * 2**doublings, self.slowest_retry_seconds))
