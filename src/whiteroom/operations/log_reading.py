"""The logs of runs that one account may read, in CloudWatch Logs' terms: groups, streams and events.

Analysis logs are read the same way: analysis_log_reading.py.

Nobody has a log group of their own here. Each account is shown, when it asks, what the policies let it
read (domain/observability/container_logs.py), and nothing is stored for it. A run has a stream for each of its
instances: `MODEL/VERSION/algo-1` and `JOB/algo-1`, by the ids that their ARNs end in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from whiteroom.base.arns import parse_arn
from whiteroom.base.sealing import sealed
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.execution.runs import (
    INFERENCE_PREFIX,
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
from whiteroom.domain.observability.publication import Publication, logs_publication
from whiteroom.domain.privacy.policies import Entity, LogPolicy
from whiteroom.domain.privacy.redaction import Finder
from whiteroom.operations.analysis_log_reading import AnalysisReader
from whiteroom.operations.context import Context
from whiteroom.ports.run_logs import PlacedLine, RunLogs
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.member_runs import RUN_KINDS, MemberRuns, is_training

GROUPS = RUN_KINDS
"""Of runs; analysis logs have a group for each collaboration."""

PUBLISHED = "PUBLISH_SUCCEEDED"

_SUMMARY_BYTES = 4 << 20
"""How much of a log's end is read for its error summary."""


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

    def runs(self, group: str, stream: str = "") -> Iterator[Any]:
        """Every log of a group of which the account may read something: `MemberLog`s, which the others take.

        Where it is known how the names of the streams begin that are wanted, all others may be left out.
        """

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
    kept: tuple[str, str] | None
    """The ARN and the record's id of a training whose artefacts are kept."""
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


@dataclass(slots=True)
class Reader:
    """One account, and what it takes to show it the logs that it may read."""

    tx: Transaction
    account_id: str
    logs: RunLogs
    finder: Finder
    _seen: MemberRuns = field(init=False)

    def __post_init__(self) -> None:
        self._seen = MemberRuns(self.tx, self.account_id)

    def runs(self, group: str, stream: str = "") -> Iterator[MemberRun]:
        """Every run of a group whose log the account may read now, as an active member of its collaboration.

        Those of one model or job alone, where the beginning of a stream's name tells which.
        """
        yield from filter(None, map(self.run, self._seen.records(group, self._seen.arn_of(group, stream))))

    def key(self) -> bytes:
        """What places are sealed with."""
        return self.logs.key()

    def first_at(self, run: MemberRun, at_ms: int) -> int:
        """The place of the first line that is not older."""
        return self.logs.first_at(run.run_id, at_ms)

    def run(self, record: Any) -> MemberRun | None:
        """The run of a TrainedModel or a TrainedModelInferenceJob; None where the account reads nothing of it."""
        reading = reading_of(self.account_id, self._policies(record))
        if reading is None or self.publication(record).status != PUBLISHED:
            return None
        return _described(record, reading)

    def publication(self, record: Any) -> Publication:
        """Whether the account reads a run's log, and if not, why."""
        if record.collaboration_id not in self._seen.memberships:
            return Publication(None, f"Account {self.account_id} is no active member of the run's collaboration.")
        governed = self._seen.governed(record)
        return logs_publication(
            self.account_id,
            Publication(record.logs_status, record.logs_status_details),
            record.run_started_at,
            None if governed is None else governed.record,
            self._policies(record),
            self._seen.configuration(record),
            self.finder,
            self._seen.withheld(record),
        )

    def _policies(self, record: Any) -> tuple[LogPolicy, ...]:
        governed = self._seen.governed(record)
        if governed is None:
            return ()
        return governed.policies.training_logs if is_training(record) else governed.policies.inference_logs

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
        """The place after everything that a run's log has now, what is said at its end included."""
        end = self.logs.end(run.run_id)
        return end + 1 if self._closing(run, end) else end

    def forward(self, run: MemberRun, start: int) -> Iterator[PlacedLine]:
        """A run's lines from a place on, and last what is said at its end.

        That is how it failed, for those who read error summaries; or what of its artefacts was not kept.
        """
        place = start
        for placed in self.logs.forward(run.run_id, start):
            place = placed.end
            yield placed
        yield from (closing for closing in self._closing(run, self.logs.end(run.run_id)) if closing.start >= place)

    def backward(self, run: MemberRun, end: int) -> Iterator[PlacedLine]:
        """As `forward`, from a place back to the first line."""
        yield from (closing for closing in self._closing(run, self.logs.end(run.run_id)) if closing.end <= end)
        yield from self.logs.backward(run.run_id, end)

    def _closing(self, run: MemberRun, end: int) -> tuple[PlacedLine, ...]:
        """A last line of a run's log, none of the program's: of statusDetails, or of the audit trail."""
        text = run.failure if run.reading.summary else None
        text = text or self._warning(run)
        if not text or run.ended_at is None:
            return ()
        ended_at_ms = int(run.ended_at.timestamp() * 1000)
        return (PlacedLine(end, end + 1, LogLine(ended_at_ms, "platform", text.replace("\n", " "))),)

    def _warning(self, run: MemberRun) -> str:
        """What was not kept of what the training left, if anything (controllers/artefacts.py)."""
        if run.kept is None:
            return ""
        arn, record_id = run.kept
        events = (each for each in self.tx.events(arn) if each.record_id == record_id)
        return next((each.reason for each in events if each.event is Event.SUCCEEDED), "")


def _described(record: Any, reading: Reading) -> MemberRun:
    name, training = parse_arn(record.arn).resource_id, is_training(record)
    return MemberRun(
        run_id=RunId((TRAINING_PREFIX if training else INFERENCE_PREFIX) + record.id),
        name=f"{name}/{record.version_identifier}" if training else name,
        hosts=tuple(f"algo-{number}" for number in range(1, record.resource_config.get("instanceCount", 1) + 1)),
        created_at=record.created_at,
        started_at=record.run_started_at,
        ended_at=record.run_ended_at,
        failure=record.status_message if record.status.value == "CREATE_FAILED" else None,
        kept=(record.arn, record.id) if training and record.status.value == "ACTIVE" else None,
        reading=reading,
    )


def event_id(run: MemberLog, placed: PlacedLine, key: bytes) -> str:
    """The same for the same line, whoever asks and whenever; it does not tell how far apart two lines are."""
    digest = hashlib.sha256(run.run_id.encode()).digest()
    return f"{int.from_bytes(digest[:8], 'big'):020d}{sealed(placed.start, key, f'event {run.run_id}'):020d}"


def reader_of(context: Context, group: str) -> LogReader:
    """The caller as a reader of the logs of a group."""
    logs, finder = context.logs, context.deployment.finder
    if logs is None or finder is None:
        raise RuntimeError("The operation must be registered as one that reads files.")
    reader = AnalysisReader if group.startswith(GROUP_PREFIX) else Reader
    return reader(context.tx, context.caller.account_id, logs, finder)
