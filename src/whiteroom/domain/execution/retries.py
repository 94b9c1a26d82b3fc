"""When a run is tried again: an instance died of the machine, and not of its own program (decision 0012).

The dead attempt and the next one have the same run id, so that they share a log. What keeps them apart is the
record: the decision, with its count and its line in the audit trail, is written first (`Retry.CLEARING`); then the
dead attempt is forgotten and that is written down (`Retry.STARTING`); then the next one is started. A crash
between any two of these repeats a step that is safe to repeat, and counts nothing twice.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from whiteroom.domain.execution.failures import MEANING, OF_RUN_END, run_message
from whiteroom.domain.execution.runs import EndReason, Observation, RunEnd
from whiteroom.domain.execution.steps import Effect, Step, failed, run_times

RETRIES_ALLOWED = 2
"""After the third death the resource fails."""

ATTEMPTS = RETRIES_ALLOWED + 1

OF_THE_MACHINE = frozenset({EndReason.MACHINE, EndReason.LOST})
"""Ends that say nothing against the program."""


class Retry(StrEnum):
    """How far a retry has come. None in a record: the attempt it speaks of is under way, or none is to follow."""

    CLEARING = "clearing"
    """The run that is there is dead, and is to be forgotten."""
    STARTING = "starting"
    """It is forgotten; a run that is there is the next attempt."""


class Tried(Protocol):
    """What the record of every resource with a run says of its attempts."""

    @property
    def retries(self) -> int:
        """How often the run was tried again."""

    @property
    def retry(self) -> Retry | None:
        """How far the last retry has come."""

    @property
    def seconds_spent(self) -> int:
        """How long the attempts ran that died."""


def next_try(record: Tried, seen: Observation) -> Step | None:
    """The next step of a retry that is due or under way; None where there is none. Pure.

    Args:
        record: of the resource, whose run was started.
        seen: what that run is doing; it means nothing before the next attempt is started.
    """
    match record.retry:
        case Retry.CLEARING:
            return Step(Effect.FORGET, changes={"retry": Retry.STARTING})
        case Retry.STARTING:
            return Step(Effect.START, changes={"retry": None})
    end = seen.end
    if end is None or end.reason not in OF_THE_MACHINE:
        return None
    message = run_message(end) or MEANING[OF_RUN_END[end.reason]]
    code = OF_RUN_END[end.reason]
    if record.retries >= RETRIES_ALLOWED:
        message = f"{message} This was the last of {ATTEMPTS} attempts; start a new job to try again."
        return failed(code, message, **run_times(end))
    return Step(
        changes={
            "retries": record.retries + 1,
            "retry": Retry.CLEARING,
            "seconds_spent": record.seconds_spent + _seconds(end),
        },
        reason=f"{code.value}: {message} Attempt {record.retries + 2} of {ATTEMPTS} follows.",
    )


def seconds_left(max_runtime_seconds: int, record: Tried) -> int:
    """How long the next attempt may run: the maximum is of all attempts together, as SageMaker counts it."""
    return max(max_runtime_seconds - record.seconds_spent, 1)


def attempt_notes(record: Tried, what_is_left: str = "") -> tuple[str, ...]:
    """What the log says before the first word of a later attempt."""
    if not record.retries:
        return ()
    note = f"Attempt {record.retries + 1} of {ATTEMPTS}: the one before died of the machine. {what_is_left}"
    return (note.rstrip(),)


def _seconds(end: RunEnd) -> int:
    """How long an attempt ran, by its end; 0 where that does not say."""
    if not end.started_at_ms or end.ended_at_ms <= end.started_at_ms:
        return 0
    return -((end.started_at_ms - end.ended_at_ms) // 1000)
