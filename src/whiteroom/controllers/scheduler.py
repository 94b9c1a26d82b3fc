"""The threads of the control loop: how they start, wake up, sleep and stop."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable

from whiteroom.base.clock import Clock
from whiteroom.base.machine_errors import machine_error_of
from whiteroom.controllers.loop import Reconciler
from whiteroom.controllers.timing import Timing
from whiteroom.ports.store import Store

log = logging.getLogger(__name__)

CLOCK_SET_SECONDS = 5.0
"""A clock that goes back by more than that was set, and did not just drift."""


class Controllers:
    """Takes steps as work comes due, in a few threads.

    Stopping ends no run: what runs goes on, and is found again by the next server.
    """

    def __init__(
        self,
        store: Store,
        reconciler: Reconciler,
        clock: Clock,
        timing: Timing,
        threads: int,
        monotonic: Callable[[], float] = time.monotonic,
        also: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare `threads` workers; `start` starts them.

        Args:
            store: has the work.
            reconciler: takes the steps.
            clock: the present, which somebody may set.
            timing: how often.
            threads: how many steps at a time.
            monotonic: seconds that nobody can set; shows when the clock was.
            also: what every sweep does besides freeing what nobody wants.
        """
        self._store = store
        self._reconciler = reconciler
        self._clock = clock
        self._timing = timing
        self._monotonic = monotonic
        self._also = also
        self._ahead = self._clock_ahead()
        self._changed = threading.Condition()
        self._news = 0
        self._stopping = threading.Event()
        self._finished = threading.Event()
        name = uuid.uuid4().hex[:12]
        owners = [f"{name}-{number}" for number in range(1, threads + 1)]
        self._workers = [_thread(f"controller-{owner}", self._work, owner) for owner in owners]
        sweep = (self.sweep, timing.sweep_seconds, self._stopping)
        self._sweeper = _thread("controllers-sweep", _repeat, *sweep)
        # It outlives the workers: a step that is being finished keeps its lease.
        beat = (reconciler.heartbeat, timing.lease_seconds / 3, self._finished)
        self._heart = _thread("controllers-heartbeat", _repeat, *beat)

    def start(self) -> None:
        """Begin to work, with a sweep of what an earlier server left."""
        for thread in (*self._workers, self._sweeper, self._heart):
            thread.start()

    def wake(self) -> None:
        """Look at once: something was recorded. Safe from any thread, and cheap."""
        with self._changed:
            self._news += 1
            self._changed.notify_all()

    def sweep(self) -> None:
        """Free what nobody wants, and see to it that all is looked at in time, whatever happened to the clock."""
        before, self._ahead = self._ahead, self._clock_ahead()
        if self._ahead < before - CLOCK_SET_SECONDS:
            log.warning("the clock was set back by %.0f s: all work is looked at anew", before - self._ahead)
            self._store.make_all_due(self._clock())
            self.wake()
        self._reconciler.sweep()
        self._also()

    def _clock_ahead(self) -> float:
        return self._clock().timestamp() - self._monotonic()

    def stop(self, timeout_seconds: float) -> bool:
        """Finish the steps that are being taken, take no more; whether all was finished in time."""
        deadline = time.monotonic() + timeout_seconds
        self._stopping.set()
        self.wake()
        _join((*self._workers, self._sweeper), deadline)
        if any(thread.is_alive() for thread in self._workers):
            return False
        self._finished.set()
        _join((self._heart,), deadline)
        return not self._sweeper.is_alive()

    def _work(self, owner: str) -> None:
        failures = 0
        while not self._stopping.is_set():
            news = self._news
            try:
                busy = self._reconciler.step(owner)
                seconds = 0.0 if busy else self._seconds_until_due()
                failures = 0
            except Exception as error:  # noqa: BLE001 - whatever it is, the thread goes on
                failures += 1
                seconds = self._timing.next_try(failures).total_seconds()
                _log_failure("the store could not be read or written; it is tried again", error)
                busy = False
            if not busy:
                # A commit also shows, after a failure, that the store can be written again.
                self._sleep(seconds, news)

    def _seconds_until_due(self) -> float:
        due_at = self._store.next_due_at()
        if due_at is None:
            return self._timing.idle_seconds
        # At least a little: work that is due and could not be claimed is in another thread's hands.
        return min(max((due_at - self._clock()).total_seconds(), 0.001), self._timing.idle_seconds)

    def _sleep(self, seconds: float, news: int) -> None:
        """Wait so long, or until there is news since `news`, or until the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping.is_set() or news != self._news, timeout=seconds)


def _repeat(routine: Callable[[], None], seconds: float, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            routine()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is repeated
            _log_failure(f"{routine.__name__} failed; it is repeated", error)
        ended.wait(seconds)


def _log_failure(what: str, error: Exception) -> None:
    trouble = machine_error_of(error)
    if trouble:
        log.error("%s: %s", what, trouble)
    else:
        log.error("%s", what, exc_info=error)


def _thread(name: str, target: Callable[..., None], *arguments: object) -> threading.Thread:
    # A daemon: a step that hangs does not keep the process from ending.
    return threading.Thread(target=target, args=arguments, name=name, daemon=True)


def _join(threads: Iterable[threading.Thread], deadline: float) -> None:
    for thread in threads:
        if thread.ident is not None:
            thread.join(max(0.0, deadline - time.monotonic()))
