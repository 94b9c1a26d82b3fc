"""What a controller does next: one effect on the world, then one event in the store.

Each noun's `plan` answers a `Step` from the record and what is seen of it. `plan` is pure: the
same arguments give the same step, so that every cell of a state table can be walked in a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from whiteroom.domain.execution.failures import MEANING, OF_RUN_END, StatusCode, run_message
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import EndReason, Observation, Phase, RunEnd


class Effect(StrEnum):
    """What a controller can do. Each is safe to repeat, and none destroys what may still be wanted."""

    RESOLVE = "resolve"
    """Find out which image a name means now; a run then uses exactly that one, however often it is started."""
    START = "start"
    """Start its query, or its instances."""
    STOP = "stop"
    """End what runs."""
    FORGET = "forget"
    """Make way for the next attempt of a run that is dead."""
    KEEP = "keep"
    """See to it that what was made outlives this machine: what a training left becomes artefacts, rows a channel's."""
    KEEP_PARTIAL = "keep partial"
    """Pack what a training saved that ran too long, apart from what a training that succeeded leaves; or leave it."""
    GATHER = "gather"
    """The same after the end is recorded, where there was too much to pack before."""
    PAY = "pay"
    """Charge a query to the privacy budget, before anything of it is delivered or shown."""
    DELIVER = "deliver"
    """Put results at the receiver's location."""
    SYNTHESISE = "synthesise"
    """Make synthetic rows of a query's rows."""
    DISCARD = "discard"
    """Erase the rows that synthetic ones were made of."""
    ERASE = "erase"
    """Delete data that the record's status says nobody will ask for again."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a resource failed: its statusDetails. The message is safe for every member."""

    code: StatusCode
    message: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step: perform `effect`, then record `event` with `changes`."""

    effect: Effect | None = None
    event: Event | None = None
    """None records no transition; changes that the effect brings about are still written."""
    failure: Failure | None = None
    """Present with `Event.FAILED`."""
    changes: Mapping[str, object] = field(default_factory=dict)
    due_at: datetime | None = None
    """When to look again; None leaves it to the controller's timing."""
    reason: str = ""
    """A line for the audit trail."""


WAIT = Step()
"""Nothing to do now."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an effect brought about. A failure turns the step's event into `Event.FAILED`."""

    changes: Mapping[str, object] = field(default_factory=dict)
    failure: Failure | None = None
    remark: str = ""
    """A sentence for the end of the failure's message."""
    unfinished: bool = False
    """Whether the record has work left, though it comes to rest."""


DONE = Outcome()

STOP_MARGIN = timedelta(seconds=10)
"""How much longer than its grace a stop may take before it is asked for again."""


def failed(code: StatusCode, message: str = "", **changes: object) -> Step:
    """The step into failure; without a message of its own, what the code means."""
    return Step(event=Event.FAILED, failure=Failure(code, message or MEANING[code]), changes=changes)


def refused(code: StatusCode, message: str = "") -> Outcome:
    """The outcome of an effect that could not be had."""
    return Outcome(failure=Failure(code, message or MEANING[code]))


def follow_run(seen: Observation, success: Effect) -> Step:
    """The next step for a run that was started: wait, do `success`, or fail with how it ended.

    A run that is absent though it was started is never started again: nobody knows how far it came. (Between the
    attempts of a retry it is absent too, and this is not asked: domain/execution/retries.py.)
    """
    if seen.phase is Phase.RUNNING:
        return WAIT
    if seen.end is None:
        return failed(
            StatusCode.INSTANCE_LOST, "The run is no longer on this machine, and how it ended is not known. Try again."
        )
    if seen.end.reason is EndReason.EXITED and seen.end.exit_code == 0:
        return Step(success, Event.SUCCEEDED, changes=run_times(seen.end))
    return failed(OF_RUN_END[seen.end.reason], run_message(seen.end), **run_times(seen.end))


def follow_stop(seen: Observation, asked_at: datetime, grace_seconds: int, now: datetime) -> Step:
    """The next step for a run that was asked to stop.

    It is asked again only when it is overdue: that happens to a run that a slow controller started
    after the stop (decided before the cancel, done after it).
    """
    if seen.phase is Phase.RUNNING:
        overdue = now - asked_at > timedelta(seconds=grace_seconds) + STOP_MARGIN
        return Step(Effect.STOP) if overdue else WAIT
    return Step(event=Event.STOPPED, changes=run_times(seen.end) if seen.end is not None else {})


def run_times(end: RunEnd) -> dict[str, object]:
    """When the program ran; nothing where it never did."""
    times = {"run_started_at": end.started_at_ms, "run_ended_at": end.ended_at_ms}
    return {name: datetime.fromtimestamp(ms / 1000, UTC) for name, ms in times.items() if ms}
