"""What trainings and inference jobs have in common: a run, and the words in which it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from whiteroom.controllers.metrics import METRICS_PUBLISHED, NOTHING_TAKEN, Taken
from whiteroom.domain.failures import StatusCode
from whiteroom.domain.instance_types import Shape, clamped
from whiteroom.domain.privacy import LogPolicy
from whiteroom.domain.runs import Observation, Phase, RunId
from whiteroom.domain.steps import Outcome, refused
from whiteroom.ports import CannotSeal, RunRefused, Runtime

Redact = Callable[[str, Iterable[LogPolicy]], str]
"""A failure file's text as every member may read it, under all of an association's log policies."""

LOGS_PUBLISHED = "PUBLISH_SUCCEEDED"
"""LogsStatus: those whom the policy names can read the log from the moment the run starts."""

NO_ALGORITHM = refused(
    StatusCode.IMAGE_NOT_FOUND,
    "The configured model algorithm that names the image is gone, or has no container for this. "
    "Create it anew, associate it, and try again.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What the operator chose for runs."""

    machine: Shape
    """The most that all instances of a run together may take of this machine, whatever their type."""
    processes: int
    default_max_runtime_seconds: int
    stop_grace_seconds: int
    ready_timeout_seconds: int
    csv_header: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What the plan of a run needs to see."""

    run: Observation
    member_active: bool
    metrics: Taken = NOTHING_TAKEN
    log_policies: tuple[LogPolicy, ...] = ()
    """Under which the run's words may be told; read when it has ended."""


def started_changes(note: str, *, has_logs: bool) -> dict[str, object]:
    """What the record says from the moment the run starts.

    Args:
        note: how much less than its type an instance gets; empty where it gets all of it.
        has_logs: whether a policy lets anybody read the log.
    """
    changes: dict[str, object] = {"metrics_status": METRICS_PUBLISHED}
    if has_logs:
        changes["logs_status"] = LOGS_PUBLISHED
    if note:
        changes |= {"status_code": StatusCode.INSTANCE_CLAMPED.value, "status_message": note}
    return changes


def clamp_note(resource_config: Mapping[str, Any], settings: RunSettings) -> str:
    """The sentence that says how much less than its type an instance gets; empty where it gets all of it."""
    return clamped(resource_config["instanceType"], settings.machine, resource_config.get("instanceCount", 1))


class NotForgotten(Exception):
    """Something of a dead run could not be freed yet, such as a process that the kernel does not let go of."""


def make_way(runtime: Runtime, run_id: RunId) -> None:
    """Forget a dead attempt, wholly: what is left of it would be taken for the next one.

    Raises:
        NotForgotten: it could not be; the step is tried again.
    """
    runtime.forget(run_id)
    if runtime.observe(run_id).phase is not Phase.ABSENT:
        raise NotForgotten(f"The run {run_id} is dead and could not be cleared away for its next attempt.")


def redacted(seen: Seen, redact: Redact) -> Observation:
    """What is seen of the run, a failed program's own words masked: every member sees a statusDetails.message."""
    end = seen.run.end
    if end is None or not end.failure:
        return seen.run
    return replace(seen.run, end=replace(end, failure=redact(end.failure, seen.log_policies)))


def run_refused(error: RunRefused) -> Outcome:
    """Why a run cannot be had here: because of the machine, or of what was asked for."""
    code = StatusCode.SANDBOX_UNAVAILABLE if isinstance(error, CannotSeal) else StatusCode.UNSUPPORTED
    return refused(code, str(error))
