"""The threads that tell accounts: one that finds out what is to be told, and some that send it.

They are none of the controllers': whoever is slow to be told holds up no work.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from whiteroom.base.clock import Clock
from whiteroom.base.machine_errors import machine_error_of
from whiteroom.controllers.notifications import Notifications, Sending

log = logging.getLogger(__name__)

SENDERS = 4
"""How many notices are on their way at a time."""
LOOK_SECONDS = 15.0
"""How often is looked for what collaborations wait for."""
STOP_SECONDS = 2.0
_AGAIN_SECONDS = 1.0
"""After the store could not be read or written."""


class NotificationThreads:
    """Runs the steps of notifications until it is stopped."""

    def __init__(self, notifications: Notifications, clock: Clock, look_seconds: float = LOOK_SECONDS) -> None:
        self._notifications = notifications
        self._clock = clock
        self._look_seconds = look_seconds
        self._changed = threading.Condition()
        self._ends = 0
        """Counts what may have to be told."""
        self._notices = 0
        """Counts what may have to be sent: whoever sends is not woken by every transaction."""
        self._taking = threading.Lock()
        """Guards `_busy` and `_spent`; of its own, since what is read meanwhile is not to hold up whoever wakes."""
        self._busy: set[str] = set()
        self._spent: dict[str, float] = {}
        """Seconds, by addresses: however much waits for one that is slow, it comes after those that are not."""
        self._stopping = False
        names = ["notifications", *(f"notifications-{number}" for number in range(1, SENDERS + 1))]
        steps = [(self._tell, lambda: self._ends), *[(self._send, lambda: self._notices)] * SENDERS]
        self._threads = [
            threading.Thread(target=self._repeat, args=step, name=name, daemon=True)
            for name, step in zip(names, steps, strict=True)
        ]
        self._looked_at: float | None = None

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Look at once: something was recorded. Safe from any thread, and cheap."""
        with self._changed:
            self._ends += 1
            self._changed.notify_all()

    def stop(self, timeout_seconds: float = STOP_SECONDS) -> bool:
        """Send no more; whether all that was on its way has come to its end in time.

        What has not is sent again by the next server: nobody waits for a receiver to stop one.
        """
        deadline = time.monotonic() + timeout_seconds
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _repeat(self, step: Callable[[], float], news: Callable[[], int]) -> None:
        """Take steps; each says how long to wait for news before the next one."""
        while not self._stopping:
            seen = news()
            try:
                seconds = step()
            except Exception as error:
                trouble = machine_error_of(error)
                log.error(  # noqa: TRY400 - of a machine's trouble a sentence says it
                    "notifications wait: %s", trouble or repr(error), exc_info=None if trouble else error
                )
                seconds = _AGAIN_SECONDS
            self._sleep(seconds, seen, news)

    def _sleep(self, seconds: float, seen: int, news: Callable[[], int]) -> None:
        """Wait so long, or until there is news since `seen`, or until the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or seen != news(), timeout=seconds)

    def _tell(self) -> float:
        found = False
        while not self._stopping and self._notifications.spread():
            found = True
        now = time.monotonic()
        if self._looked_at is None or now - self._looked_at >= self._look_seconds:
            self._looked_at = now
            self._notifications.look()
            found = True
        if found:
            with self._changed:
                self._notices += 1
                self._changed.notify_all()
        return max(0.0, self._looked_at + self._look_seconds - now)

    def _send(self) -> float:
        sending = self._taken()
        if sending is None:
            with self._taking:
                busy = tuple(self._busy)
            due_at = self._notifications.next_due_at(busy)
            if due_at is None:
                return self._look_seconds
            return min(max((due_at - self._clock()).total_seconds(), 0.0), self._look_seconds)
        began = time.monotonic()
        try:
            self._notifications.send(sending)
        finally:
            with self._taking:
                spent = self._spent.get(sending.address_id, 0.0)
                self._spent[sending.address_id] = spent + time.monotonic() - began
                self._busy.discard(sending.lane)
        return 0.0

    def _taken(self) -> Sending | None:
        with self._taking:
            found = self._notifications.sendings(self._busy, self._spent)
            if not found:
                return None
            self._busy.add(found[0].lane)
            return found[0]
