"""What all controllers of runs share: how a run is observed, started, tried again, stopped and forgotten.

A noun (controllers/trained_models.py, controllers/trained_model_inference_jobs.py) says what distinguishes its runs
(`RunKind`), describes each run, and does something with what the run leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from whiteroom.controllers.current import require_current
from whiteroom.controllers.metrics import METRICS_PUBLISHED, NOTHING_TAKEN, MetricsReader, Taken
from whiteroom.domain.execution.failures import StatusCode
from whiteroom.domain.execution.instance_types import Shape, clamped, limits
from whiteroom.domain.execution.retries import Tried, attempt_notes, seconds_left
from whiteroom.domain.execution.runs import ABSENT, Limits, Observation, Phase, Run, RunId, RunOutput
from whiteroom.domain.execution.steps import Failure, Outcome, refused
from whiteroom.domain.privacy.policies import LogPolicy, PrivacyPolicies
from whiteroom.domain.resources.configured_model_algorithms import ConfiguredModelAlgorithm
from whiteroom.domain.resources.holdings import Kept
from whiteroom.domain.resources.usage import Metered, UsageKind
from whiteroom.domain.verdicts import ALLOWED, Verdict
from whiteroom.ports.runtime import CannotIsolate, ImageNotFound, RunRefused, Runtime
from whiteroom.ports.store import Store, Work
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.algorithms import algorithm_at, policies_at
from whiteroom.reads.current_rules import CurrentRules
from whiteroom.reads.halts import halt
from whiteroom.reads.members import member_active

Redact = Callable[[str, Iterable[LogPolicy]], str]
"""A failure file's text as every member may read it, under all of an association's log policies."""

LOGS_PUBLISHED = "PUBLISH_SUCCEEDED"
"""LogsStatus: those whom the policy names can read the log from the moment the run starts."""

NO_ALGORITHM = refused(
    StatusCode.IMAGE_NOT_FOUND,
    "The configured model algorithm that names the image is gone, or has no container for this. "
    "Create it anew, associate it, and try again.",
)


class RunRecord(Tried, Kept, Protocol):
    """What every record that has a run says of it."""

    @property
    def payer_account_id(self) -> str | None: ...
    @property
    def association_arn(self) -> str: ...
    @property
    def resource_config(self) -> Mapping[str, Any]: ...
    @property
    def revision(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunKind:
    """What distinguishes the runs of one noun from another's."""

    work: Work
    usage: UsageKind
    """What its work is called on a bill."""
    prefix: str
    """Begins each run's id; the record's id follows."""
    container: Callable[[ConfiguredModelAlgorithm], Any]
    """The container that the algorithm names for this; None where it names none."""
    log_policies: Callable[[PrivacyPolicies], tuple[LogPolicy, ...]]
    """Those that say which lines of the log members may read."""
    log_group: str
    """Where members read it."""
    verdict: Callable[[CurrentRules, Any], Verdict]
    """Whether the owners of the rows that a record's run is of still allow it."""

    def run_id(self, record_id: str) -> RunId:
        """The one run of a record."""
        return RunId(self.prefix + record_id)


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
    finish_revoked_work: bool = False
    """Whether a run whose rows' owner takes a rule back goes on to its end. None starts, whatever this says."""


@dataclass(frozen=True, slots=True)
class RunTools:
    """What driving a run takes, whatever noun it belongs to."""

    store: Store
    """Where the records are."""
    runtime: Runtime
    """Where runs are."""
    settings: RunSettings
    redact: Redact
    """Masks a failed program's own words."""
    metrics: MetricsReader
    """Reads what runs say of themselves."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the plan of a run needs to see."""

    run: Observation
    """A failed program's own words are masked: every member sees a statusDetails.message."""
    member_active: bool
    metrics: Taken = NOTHING_TAKEN
    halt: Failure | None = None
    """Why it may not go on, where somebody other than its own membership has ended it."""


class NotForgotten(Exception):
    """Something of a dead run could not be freed yet, such as a process that the kernel does not let go of."""


class Runs:
    """The runs of one noun. Each record has one, of the same id in every attempt."""

    def __init__(self, kind: RunKind, tools: RunTools) -> None:
        """Drive the runs of this kind."""
        self._kind = kind
        self._store = tools.store
        self._runtime = tools.runtime
        self._settings = tools.settings
        self._redact = tools.redact
        self._metrics = tools.metrics

    def id_of(self, record: RunRecord) -> RunId:
        """The one run of a record."""
        return self._kind.run_id(record.id)

    def observe(self, record: RunRecord, *, watched: bool) -> Seen:
        """What is seen of a record's run; where it is not watched, it is not looked at. Its metrics are read on."""
        run = self._runtime.observe(self.id_of(record)) if watched else ABSENT
        taken = self._take_in(record, run.phase) if watched else NOTHING_TAKEN
        with self._store.reading() as tx:
            policies = self._log_policies(tx, record) if run.end else ()
            active = member_active(tx, record.membership_id)
            halted = self.halt(tx, record, watched=watched)
        if run.end is not None:
            failure = self._redact(run.end.failure, policies) if run.end.failure else ""
            group = self._kind.log_group if policies else None
            run = replace(run, end=replace(run.end, failure=failure, log_group=group))
        return Seen(run, active, taken, halted)

    def halt(self, tx: Transaction, record: RunRecord, *, watched: bool = False) -> Failure | None:
        """Why the record's run may not go on, or may not begin; None where it may.

        Args:
            tx: where the records are.
            record: whose run.
            watched: whether it has begun; the operator may have chosen that an owner does not end it then.
        """
        spared = watched and self._settings.finish_revoked_work
        verdict = ALLOWED if spared else self._kind.verdict(CurrentRules(tx), record)
        return halt(tx, record.collaboration_id, verdict)

    def resolve(self, record: RunRecord) -> Outcome:
        """Find out which image the algorithm names now: all attempts use exactly that one."""
        with self._store.reading() as tx:
            container = self.container(tx, record)
        if container is None:
            return NO_ALGORITHM
        try:
            return Outcome({"image_digest": self._runtime.image_digest(container["imageUri"])})
        except ImageNotFound as error:
            return refused(StatusCode.IMAGE_NOT_FOUND, str(error))

    def container(self, tx: Transaction, record: RunRecord) -> Any:
        """The container that the algorithm of the record's association names; None where there is none."""
        algorithm = algorithm_at(tx, record.association_arn)
        return None if algorithm is None else self._kind.container(algorithm)

    def limits(self, record: RunRecord, *, volume_bytes: int, max_runtime_seconds: int) -> Limits:
        """What each instance may take.

        Args:
            record: whose run is to be started.
            volume_bytes: what an instance may write.
            max_runtime_seconds: how long all attempts together may take.
        """
        return limits(
            record.resource_config["instanceType"],
            self._settings.machine,
            volume_bytes=volume_bytes,
            processes=self._settings.processes,
            max_runtime_seconds=seconds_left(max_runtime_seconds, record),
            instances=instances_of(record),
        )

    def notes(self, record: RunRecord, what_is_left: str = "") -> tuple[str, ...]:
        """What the log says before the program's first word.

        Args:
            record: whose run is to be started.
            what_is_left: a sentence on what an earlier attempt has left for this one.
        """
        return (*filter(None, (self._clamp_note(record),)), *attempt_notes(record, what_is_left))

    def start(self, record: RunRecord, run: Run) -> Outcome:
        """Start the run unless it is there, and say what the record says from then on."""
        with self._store.reading() as tx:
            has_logs = bool(self._log_policies(tx, record))
        try:
            self._runtime.start(run)
        except RunRefused as error:
            # Because of the machine, or of what was asked for.
            cannot_isolate = isinstance(error, CannotIsolate)
            return refused(StatusCode.SANDBOX_UNAVAILABLE if cannot_isolate else StatusCode.UNSUPPORTED, str(error))
        changes: dict[str, object] = {"metrics_status": METRICS_PUBLISHED}
        if has_logs:
            changes["logs_status"] = LOGS_PUBLISHED
        note = self._clamp_note(record)
        if note:
            changes |= {"status_code": StatusCode.INSTANCE_CLAMPED.value, "status_message": note}
        return Outcome(changes)

    def clear_attempt(self, record: RunRecord) -> None:
        """Forget a dead attempt, wholly: what is left of it would be taken for the next one.

        Raises:
            Stale: the decision has been overtaken, and the run may be the next attempt.
            NotForgotten: it could not be; the step is tried again.
        """
        with self._store.reading() as tx:
            require_current(tx, self._kind.work, record)
        run_id = self.id_of(record)
        self._runtime.forget(run_id)
        if self._runtime.observe(run_id).phase is not Phase.ABSENT:
            raise NotForgotten(f"The run {run_id} is dead and could not be cleared away for its next attempt.")

    def stop(self, record: RunRecord, *, overdue: bool) -> None:
        """Ask the run to stop. Where that is overdue it was asked before, and gets no second grace."""
        self._runtime.stop(self.id_of(record), 0 if overdue else self._settings.stop_grace_seconds)

    def left(self, record: RunRecord) -> Sequence[RunOutput]:
        """What each instance of an ended run has left; untrusted."""
        return self._runtime.output(self.id_of(record))

    def logged_bytes(self, record: RunRecord) -> int:
        """How large the run's log is, with its samples."""
        return self._runtime.logged_bytes(self.id_of(record))

    def flush_metrics(self, record: RunRecord) -> None:
        """Read the metrics of a run on that is over, before it is forgotten."""
        self._take_in(record, Phase.ENDED)

    def owned_ids(self) -> set[str]:
        """Ids of the records whose runs hold something."""
        prefix = self._kind.prefix
        return {run.removeprefix(prefix) for run in self._runtime.runs() if run.startswith(prefix)}

    def forget(self, record_id: str) -> None:
        """Kill what is left of the run and free what it holds, its log excepted."""
        self._runtime.forget(self._kind.run_id(record_id))

    def forget_logs(self, record: RunRecord) -> None:
        """Delete the run's log and its samples."""
        self._runtime.forget_logs(self.id_of(record))

    def _log_policies(self, tx: Transaction, record: RunRecord) -> tuple[LogPolicy, ...]:
        return self._kind.log_policies(policies_at(tx, record.association_arn))

    def _clamp_note(self, record: RunRecord) -> str:
        """How much less than its type an instance gets, as a sentence; empty where it gets all of it."""
        return clamped(record.resource_config["instanceType"], self._settings.machine, instances_of(record))

    def _take_in(self, record: RunRecord, phase: Phase) -> Taken:
        """Read on in the run's metrics: the system's, and what a training's container defines."""

        def definitions(tx: Transaction) -> Any:
            return (self.container(tx, record) or {}).get("metricDefinitions", ())

        instances = instances_of(record)
        return self._metrics.take_in(
            self.id_of(record),
            record.id,
            phase,
            instances=instances,
            definitions=definitions,
            metered=Metered(
                self._kind.usage,
                record.id,
                record.arn,
                record.collaboration_id,
                record.account_id,
                record.payer_account_id or record.account_id,
            ),
        )


def instances_of(record: RunRecord) -> int:
    """How many instances a run has."""
    count: int = record.resource_config.get("instanceCount", 1)
    return count
