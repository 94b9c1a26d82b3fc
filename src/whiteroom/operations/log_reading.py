"""What of the runs' logs one account reads, as CloudWatch Logs has it: groups, streams and events.

Analysis logs are read the same way: analysis_log_reading.py.

Nobody has a log group of their own here. Each account is shown, when it asks, what the policies let it
read (domain/observability/container_logs.py), and nothing is stored for it. A run has a stream for each of its
instances: `MODEL/VERSION/algo-1` and `JOB/algo-1`, by the ids that their ARNs end in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

from whiteroom.base.arns import parse_arn
from whiteroom.base.sealing import sealed
from whiteroom.domain.execution.runs import (
    INFERENCE_JOBS,
    INFERENCE_PREFIX,
    TRAINED_MODELS,
    TRAINING_PREFIX,
    LogLine,
    RunId,
)
from whiteroom.domain.observability.analysis_logs import GROUP_PREFIX
from whiteroom.domain.observability.container_logs import (
    SUMMARY_LOOK_BACK_LINES,
    Reading,
    error_summary,
    reading_of,
    redacted_line,
)
from whiteroom.domain.observability.publication import Publication, logs_publication, why_withheld
from whiteroom.domain.privacy.policies import Entity, LogPolicy, PrivacyPolicies
from whiteroom.domain.privacy.redaction import Finder
from whiteroom.domain.resources.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.resources.memberships import Membership, MembershipStatus
from whiteroom.domain.resources.ml_configurations import MLConfiguration
from whiteroom.domain.resources.trained_model_inference_jobs import Status as JobStatus
from whiteroom.domain.resources.trained_models import Status as ModelStatus
from whiteroom.operations.analysis_log_reading import AnalysisReader
from whiteroom.operations.registry import Context
from whiteroom.ports import PageKey, PlacedLine, Repository, RunLogs, Transaction
from whiteroom.reads.current_rules import CurrentRules

GROUPS = (TRAINED_MODELS, INFERENCE_JOBS)
"""Of runs; analysis logs have a group for each collaboration."""

PUBLISHED = "PUBLISH_SUCCEEDED"

_PAGE = 500
_SUMMARY_BYTES = 4 << 20
"""How much of a log's end is read for its error summary."""


@dataclass(frozen=True, slots=True)
class _ModelRow:
    """What of a version's record its log depends on."""

    id: str
    arn: str
    account_id: str
    version_identifier: str
    collaboration_id: str
    association_arn: str
    data_channels: tuple[Mapping[str, Any], ...]
    incremental_channels: tuple[Mapping[str, Any], ...]
    resource_config: Mapping[str, Any]
    logs_status: str | None
    logs_status_details: str | None
    run_started_at: datetime | None
    run_ended_at: datetime | None
    status: ModelStatus
    status_code: str | None
    status_message: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _JobRow:
    """What of an inference job's record its log depends on."""

    id: str
    arn: str
    account_id: str
    collaboration_id: str
    association_arn: str
    ml_input_channel_arn: str
    trained_model_id: str
    resource_config: Mapping[str, Any]
    logs_status: str | None
    logs_status_details: str | None
    run_started_at: datetime | None
    run_ended_at: datetime | None
    status: JobStatus
    status_code: str | None
    status_message: str | None
    created_at: datetime


_Row = _ModelRow | _JobRow
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Association:
    record: ConfiguredModelAlgorithmAssociation
    policies: PrivacyPolicies


class MemberLog(Protocol):
    """A log of which the account may read something."""

    @property
    def run_id(self) -> str:
        """What its places are sealed with."""

    @property
    def created_at(self) -> datetime:
        """Before its first line."""

    @property
    def started_at(self) -> datetime:
        """When its streams began."""

    @property
    def ended_at(self) -> datetime | None:
        """After its last line; None while it may get more."""

    @property
    def streams(self) -> tuple[str, ...]:
        """All of its streams."""

    @property
    def searches_persons(self) -> bool:
        """Whether its lines are searched for personal information, which takes a hundred times as long."""

    def stream(self, host: str) -> str:
        """The stream of a line from that instance."""


class LogReader(Protocol):
    """One account, and what it takes to show it a group's logs that it may read."""

    @property
    def finder(self) -> Finder:
        """What matches expressions."""

    def runs(self, group: str) -> Iterator[Any]:
        """Every log of a group of which the account may read something: `MemberLog`s, which the others take."""

    def key(self) -> bytes:
        """What places are sealed with."""

    def first_at(self, run: Any, at_ms: int) -> int:
        """The place of the first line that is not older; the end, where there is none."""

    def end(self, run: Any) -> int:
        """The place after everything that a log has now."""

    def forward(self, run: Any, start: int) -> Iterator[PlacedLine]:
        """The lines from a place on."""

    def backward(self, run: Any, end: int) -> Iterator[PlacedLine]:
        """The lines before a place, the last one first."""

    def redacted_line(self, run: Any, placed: PlacedLine, summary: frozenset[int]) -> str | None:
        """A line as the account reads it; None where it does not. `summary` is what `summary_of` answers."""

    def summary_of(self, run: Any) -> frozenset[int]:
        """The places of the lines of its error summary."""


@dataclass(frozen=True, slots=True)
class MemberRun:
    """A run whose log the account may read."""

    run_id: RunId
    name: str
    """What its streams' names begin with."""
    hosts: tuple[str, ...]
    created_at: datetime
    started_at: datetime
    ended_at: datetime | None
    failure: str | None
    """statusDetails.message of one that failed, which is masked for everyone."""
    reading: Reading

    def stream(self, host: str) -> str:
        """The stream of an instance; of the first, what belongs to none."""
        return f"{self.name}/{host if host in self.hosts else self.hosts[0]}"

    @property
    def streams(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(f"{self.name}/{host}" for host in self.hosts)

    @property
    def searches_persons(self) -> bool:
        """Whether its lines are searched for personal information, which takes a hundred times as long."""
        return any(Entity.PERSONAL in policy.redacted_entities for policy in self.reading.policies)


@dataclass(frozen=True, slots=True)
class Reader:
    """One account, and what it takes to show it the logs that it may read."""

    tx: Transaction
    account_id: str
    logs: RunLogs
    finder: Finder
    _associations: dict[str, _Association | None] = field(default_factory=dict)
    _rules: list[CurrentRules] = field(default_factory=list)
    """At most one; made when it is first asked."""

    def runs(self, group: str) -> Iterator[MemberRun]:
        """Every run of a group whose log the account may read now, as an active member of its collaboration."""
        for membership in self.tx.memberships.all(account_id=self.account_id, status=MembershipStatus.ACTIVE):
            configuration = self.tx.ml_configurations.get(membership.id)
            for row in _rows(self.tx, group, membership.collaboration_id):
                run = self._run(row, configuration)
                if run is not None:
                    yield run

    def key(self) -> bytes:
        """What places are sealed with."""
        return self.logs.key()

    def first_at(self, run: MemberRun, at_ms: int) -> int:
        """The place of the first line that is not older."""
        return self.logs.first_at(run.run_id, at_ms)

    def run(self, record: Any) -> MemberRun | None:
        """The run of a TrainedModel or a TrainedModelInferenceJob; None where the account reads nothing of it."""
        membership = self._membership(record)
        return None if membership is None else self._run(record, self.tx.ml_configurations.get(membership.id))

    def told_about(self, record: Any) -> Publication:
        """Whether the account reads a run's log, and if not, why."""
        membership = self._membership(record)
        if membership is None:
            return Publication(None, f"Account {self.account_id} is no active member of the run's collaboration.")
        return self._published(record, self.tx.ml_configurations.get(membership.id))

    def _membership(self, record: Any) -> Membership | None:
        own = self.tx.memberships.all(account_id=self.account_id, status=MembershipStatus.ACTIVE)
        return next((one for one in own if one.collaboration_id == record.collaboration_id), None)

    def _run(self, record: Any, configuration: MLConfiguration | None) -> MemberRun | None:
        reading = reading_of(self.account_id, self._policies(record))
        if reading is None or self._published(record, configuration).status != PUBLISHED:
            return None
        return _described(record, reading)

    def _published(self, record: Any, configuration: MLConfiguration | None) -> Publication:
        association = self._association(record.association_arn)
        return logs_publication(
            self.account_id,
            Publication(record.logs_status, record.logs_status_details),
            record.run_started_at,
            None if association is None else association.record,
            self._policies(record),
            configuration,
            self.finder,
            self._withheld(record),
        )

    def _withheld(self, record: Any) -> str | None:
        if not self._rules:
            self._rules.append(CurrentRules(self.tx))
        return withheld_of(self._rules[0], record)

    def _policies(self, record: Any) -> tuple[LogPolicy, ...]:
        association = self._association(record.association_arn)
        if association is None:
            return ()
        return association.policies.training_logs if _is_training(record) else association.policies.inference_logs

    def _association(self, arn: str) -> _Association | None:
        if arn not in self._associations:
            record = self.tx.configured_model_algorithm_associations.get(parse_arn(arn).resource_id)
            self._associations[arn] = (
                None if record is None else _Association(record, PrivacyPolicies.parse(record.privacy_configuration))
            )
        return self._associations[arn]

    # -- lines ----------------------------------------------------------------------

    def redacted_line(self, run: MemberRun, placed: PlacedLine, summary: frozenset[int]) -> str | None:
        """A line as the account reads it; None where it does not. `summary` is what `summary_of` answers."""
        return redacted_line(placed.line.text, run.reading, self.finder, in_summary=placed.start in summary)

    def summary_of(self, run: MemberRun) -> frozenset[int]:
        """The places of the lines of a run's error summary, where the account is to see that."""
        if run.failure is None or not run.reading.summary:
            return frozenset()
        lines: list[PlacedLine] = []
        end = self.logs.end(run.run_id)
        for placed in self.logs.backward(run.run_id, end):
            lines.append(placed)
            if len(lines) >= SUMMARY_LOOK_BACK_LINES or end - placed.start > _SUMMARY_BYTES:
                break
        lines.reverse()
        chosen = error_summary([placed.line for placed in lines])
        return frozenset([end, *(lines[place].start for place in chosen)])

    def end(self, run: MemberRun) -> int:
        """The place after everything that a run's log has now, its failure included."""
        end = self.logs.end(run.run_id)
        return end + 1 if _closing(run, end) else end

    def forward(self, run: MemberRun, start: int) -> Iterator[PlacedLine]:
        """A run's lines from a place on, and last how it failed, for those who read error summaries."""
        place = start
        for placed in self.logs.forward(run.run_id, start):
            place = placed.end
            yield placed
        yield from (closing for closing in _closing(run, self.logs.end(run.run_id)) if closing.start >= place)

    def backward(self, run: MemberRun, end: int) -> Iterator[PlacedLine]:
        """As `forward`, from a place back to the first line."""
        yield from (closing for closing in _closing(run, self.logs.end(run.run_id)) if closing.end <= end)
        yield from self.logs.backward(run.run_id, end)


def _closing(run: MemberRun, end: int) -> tuple[PlacedLine, ...]:
    """How the run failed, as a last line of its log: none of the program's, but of statusDetails."""
    if run.failure is None or run.ended_at is None or not run.reading.summary:
        return ()
    ended_at_ms = int(run.ended_at.timestamp() * 1000)
    return (PlacedLine(end, end + 1, LogLine(ended_at_ms, "platform", run.failure.replace("\n", " "))),)


def _rows(tx: Transaction, group: str, collaboration_id: str) -> Iterator[_Row]:
    if group == INFERENCE_JOBS:
        yield from _all(tx.trained_model_inference_jobs, _JobRow, collaboration_id=collaboration_id)
        return
    for latest in (True, False):
        yield from _all(tx.trained_models, _ModelRow, collaboration_id=collaboration_id, is_latest=latest)


def _all(repository: Repository[Any], view: type[V], **equals: object) -> Iterator[V]:
    after: PageKey | None = None
    while True:
        page = repository.page_as(view, _PAGE, after, **equals)
        yield from page.items
        after = page.next
        if after is None:
            return


def _is_training(record: Any) -> bool:
    return hasattr(record, "version_identifier")


def withheld_of(rules: CurrentRules, record: Any) -> str | None:
    """Why nothing of the run of a version, or of an inference job, is published any more; None where that is not so."""
    verdict = rules.model(record) if _is_training(record) else rules.inference(record)
    return why_withheld(verdict, record.status_code)


def _described(record: Any, reading: Reading) -> MemberRun:
    name, training = parse_arn(record.arn).resource_id, _is_training(record)
    return MemberRun(
        run_id=RunId((TRAINING_PREFIX if training else INFERENCE_PREFIX) + record.id),
        name=f"{name}/{record.version_identifier}" if training else name,
        hosts=tuple(f"algo-{number}" for number in range(1, record.resource_config.get("instanceCount", 1) + 1)),
        created_at=record.created_at,
        started_at=record.run_started_at,
        ended_at=record.run_ended_at,
        failure=record.status_message if record.status.value == "CREATE_FAILED" else None,
        reading=reading,
    )


def event_id(run: MemberLog, placed: PlacedLine, key: bytes) -> str:
    """The same for the same line, whoever asks and whenever; it does not tell how far apart two lines are."""
    digest = hashlib.sha256(run.run_id.encode()).digest()
    return f"{int.from_bytes(digest[:8], 'big'):020d}{sealed(placed.start, key, f'event {run.run_id}'):020d}"


def reader_of(context: Context, group: str) -> LogReader:
    """The caller as a reader of the logs of a group."""
    if context.logs is None or context.finder is None:
        raise RuntimeError("The operation must be registered as one that reads files.")
    reader = AnalysisReader if group.startswith(GROUP_PREFIX) else Reader
    return reader(context.tx, context.caller.account_id, context.logs, context.finder)
