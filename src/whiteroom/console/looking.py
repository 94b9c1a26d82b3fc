"""What the operator's pages ask that takes longer than a page may: on a thread, and kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from whiteroom.domain.execution.runs import Diagnosis
from whiteroom.reads.bills import Bills
from whiteroom.web.machine_facts import MachineFacts

T = TypeVar("T")

MACHINE_SECONDS = 5.0
KEPT_SECONDS = 60.0


class Look(Generic[T]):
    """One thing to look at. Whoever asks while somebody looks is answered with what that one sees."""

    def __init__(
        self, look: Callable[[], T], keep_seconds: float, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        """Looked at on a thread; on one event loop."""
        self._look = look
        self._keep_seconds = keep_seconds
        self._seconds = seconds
        self._ended_at = 0.0
        self._task: asyncio.Task[T] | None = None

    async def now(self) -> T:
        """What is seen, or was so many seconds ago at most. A look that failed is not kept."""
        if self._task is None or self._is_over(self._task):
            self._task = asyncio.create_task(self._looked())
        # Whoever leaves takes the look away from nobody else.
        return await asyncio.shield(self._task)

    async def _looked(self) -> T:
        seen = await asyncio.to_thread(self._look)
        self._ended_at = self._seconds()
        return seen

    def _is_over(self, task: asyncio.Task[T]) -> bool:
        if not task.done():
            return False
        if task.cancelled() or task.exception() is not None:
            return True
        return self._seconds() >= self._ended_at + self._keep_seconds


@dataclass(frozen=True, slots=True)
class Looks:
    """All of them, of one server."""

    machine: Look[MachineFacts]
    doctor: Look[Diagnosis]
    bills: Look[Bills]


def looks(machine: Callable[[], MachineFacts], doctor: Callable[[], Diagnosis], bills: Callable[[], Bills]) -> Looks:
    """By what looks at each."""
    return Looks(Look(machine, MACHINE_SECONDS), Look(doctor, KEPT_SECONDS), Look(bills, KEPT_SECONDS))
