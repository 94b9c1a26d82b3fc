"""Plans the next step of a run, for trainings and inference jobs alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.retries import Tried, next_try
from whiteroom.domain.execution.runs import Observation
from whiteroom.domain.execution.steps import WAIT, Effect, Failure, Step, failed, follow_stop


class HasRun(Tried, Protocol):
    """What such a record says of itself. Its statuses are AWS's, which both resources name alike."""

    @property
    def status(self) -> StrEnum: ...
    @property
    def image_digest(self) -> str | None: ...
    @property
    def updated_at(self) -> datetime: ...


def plan_run(  # noqa: PLR0911 - one row for each status
    record: HasRun,
    seen: Observation,
    now: datetime,
    *,
    member_active: bool,
    grace_seconds: int,
    halt: Failure | None,
    ended: Callable[[Observation], Step],
) -> Step:
    """The next step of a record that is about to run, runs, or is being stopped; WAIT in every other status. Pure.

    Args:
        record: the training's, or the job's.
        seen: what its run is doing.
        now: the time.
        member_active: whether the membership that asked for it still is ACTIVE.
        grace_seconds: how long a stopped program has between SIGTERM and SIGKILL.
        halt: why it may not go on, where somebody other than its own membership has ended it.
        ended: what becomes of a run that is not tried again.
    """
    match record.status.value:
        case "CREATE_PENDING" | "CREATE_IN_PROGRESS" if not member_active:
            return failed(StatusCode.MEMBERSHIP_ENDED)
        case "CREATE_PENDING" | "CREATE_IN_PROGRESS" if halt is not None:
            return failed(halt.code, halt.message)
        case "CREATE_PENDING" if record.image_digest is None:
            return Step(Effect.RESOLVE)
        case "CREATE_PENDING":
            return Step(Effect.START, Event.STARTED, changes={"run_started_at": now})
        case "CREATE_IN_PROGRESS":
            return next_try(record, seen) or ended(seen)
        case "CANCEL_PENDING":
            return Step(Effect.STOP, Event.STOPPING)
        case "CANCEL_IN_PROGRESS":
            return follow_stop(seen, record.updated_at, grace_seconds, now)
        case _:
            return WAIT
