"""Fakes that implement the ports, on a clock that the test moves: nothing runs, nothing waits."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from whiteroom.base.trees import remove_tree
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.queries import QueryFailure, QueryObservation, QueryResult, QuerySpec, QueryUse
from whiteroom.domain.execution.runs import (
    ABSENT,
    RUNNING,
    EndReason,
    LogLine,
    Observation,
    Phase,
    Run,
    RunEnd,
    RunId,
    RunOutput,
    SandboxReport,
    TrainingRun,
)
from whiteroom.domain.execution.spending import NOTHING_SPENT, Spent
from whiteroom.domain.execution.synthetic_data import (
    NO_SYNTHESIS,
    SynthesisCost,
    SynthesisFailure,
    SynthesisObservation,
    SynthesisResult,
    SynthesisSpec,
)
from whiteroom.domain.observability.metrics import Usage
from whiteroom.domain.privacy.differential_privacy import Bill
from whiteroom.domain.privacy.judgements import judgement_of
from whiteroom.domain.privacy.query_facts import QueryFacts
from whiteroom.ports.data import LocalData
from whiteroom.ports.runtime import ImageNotFound, RunRefused

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


EXITED = RunEnd(EndReason.EXITED, exit_code=0, started_at_ms=1_767_268_800_000, ended_at_ms=1_767_268_801_000)


@dataclass
class FakeRuntime:
    """Runs end after so many looks, in the way the test chose."""

    data: LocalData
    end: RunEnd = EXITED
    looks: int = 2
    obeys_stop: bool = True
    images: dict[str, str] = field(default_factory=lambda: {"image:1": "sha256:" + "a" * 64})
    refusal: RunRefused | None = None
    deaths: list[RunEnd] = field(default_factory=list)
    """How the next runs end that are started; then they end as `end` says."""
    hosts: tuple[str, ...] = ("algo-1",)
    leaves: dict[str, bytes] = field(default_factory=lambda: {"model/weights": b"w" * 100, "output/report": b"r" * 10})
    clashes: tuple[str, ...] = ()
    """Files that every instance leaves, each another."""
    started: list[Run] = field(default_factory=list)
    """Every run that a start really began."""
    stops: list[tuple[RunId, int]] = field(default_factory=list)
    forgotten_logs: list[RunId] = field(default_factory=list)
    printed: list[LogLine] = field(default_factory=list)
    """The log of every run that has one, so far."""
    used: list[Usage] = field(default_factory=list)
    log_bytes: int = 1_000
    """How large each log is, with its samples."""
    logged: set[RunId] = field(default_factory=set)
    """Runs that have a log: each one that was started, until it is forgotten."""
    _runs: dict[RunId, int] = field(default_factory=dict)
    _stopped: set[RunId] = field(default_factory=set)
    _ends: dict[RunId, RunEnd] = field(default_factory=dict)

    def image_digest(self, image_uri: str) -> str:
        if image_uri not in self.images:
            raise ImageNotFound(f"There is no image {image_uri}. Build it.")
        return self.images[image_uri]

    def start(self, run: Run) -> None:
        if self.refusal is not None:
            raise self.refusal
        if run.id in self._runs:
            return
        self._runs[run.id] = self.looks
        self.logged.add(run.id)
        self.started.append(run)
        if self.deaths:
            self._ends[run.id] = self.deaths.pop(0)
        for name, content in self.leaves.items():
            file = self.place(run.id, self.hosts[0], name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        for host, name in itertools.product(self.hosts, self.clashes):
            self.place(run.id, host, name).parent.mkdir(parents=True, exist_ok=True)
            self.place(run.id, host, name).write_text(host)
        if isinstance(run, TrainingRun) and run.checkpoints is not None:
            for host in self.hosts:
                Path(self.data.path(run.checkpoints.at(host))).mkdir(parents=True, exist_ok=True)

    def observe(self, run_id: RunId) -> Observation:
        if run_id not in self._runs:
            return ABSENT
        if run_id in self._stopped:
            return Observation(Phase.ENDED, RunEnd(EndReason.STOPPED, exit_code=143))
        if self._runs[run_id]:
            self._runs[run_id] -= 1
            return RUNNING
        return Observation(Phase.ENDED, self._ends.get(run_id, self.end))

    def stop(self, run_id: RunId, grace_seconds: int) -> None:
        if run_id in self._runs:
            self.stops.append((run_id, grace_seconds))
            if self._runs[run_id] and (self.obeys_stop or grace_seconds == 0):
                self._stopped.add(run_id)

    def output(self, run_id: RunId) -> tuple[RunOutput, ...]:
        assert self.observe(run_id).phase is Phase.ENDED
        for host, name in itertools.product(self.hosts, ("model", "output")):
            self.place(run_id, host, name).mkdir(parents=True, exist_ok=True)
        left = DataRef(DataKind.RUN_OUTPUT, run_id)
        return tuple(RunOutput(host, left.at(f"{host}/model"), left.at(f"{host}/output")) for host in self.hosts)

    def place(self, run_id: str, host: str, name: str) -> Path:
        """Where an instance leaves something."""
        return Path(self.data.path(DataRef(DataKind.RUN_OUTPUT, run_id, host)), name)

    def logs(self, run_id: RunId, after: int = 0) -> Iterator[LogLine]:
        return iter(self.printed[after:] if run_id in self.logged else ())

    def usage(self, run_id: RunId, after: int = 0) -> Iterator[Usage]:
        return iter(self.used[after:] if run_id in self.logged else ())

    def logged_bytes(self, run_id: RunId) -> int:
        return self.log_bytes if run_id in self.logged else 0

    def runs(self) -> Iterable[RunId]:
        return tuple(self._runs)

    def forget(self, run_id: RunId) -> None:
        self._runs.pop(run_id, None)
        self._stopped.discard(run_id)
        self._ends.pop(run_id, None)
        remove_tree(Path(self.data.path(DataRef(DataKind.RUN_OUTPUT, run_id))))

    def forget_logs(self, run_id: RunId) -> None:
        self.forgotten_logs.append(run_id)
        self.logged.discard(run_id)

    def report(self) -> SandboxReport:
        return SandboxReport(usable=True)


_FOR_EVER = 10**9
"""Looks."""


@dataclass
class FakeEngine:
    """Queries end after so many looks with rows, or with the failure the test chose."""

    data: LocalData
    looks: int = 2
    failure: QueryFailure | None = None
    message: str = ""
    for_owners: Mapping[str, str] = field(default_factory=dict)
    """What a failure says to owners of tables alone, by associations."""
    again: int = 0
    """How many times a query ends with QueryFailure.AGAIN before it works."""
    disagreement: str = ""
    """What the judges of every query that fails disagree on."""
    reads: tuple[str, ...] = ("Flights",)
    facts: QueryFacts = field(default_factory=lambda: QueryFacts({"Flights": frozenset()}))
    """What every query does."""
    dies: int = 0
    """How many times a query is found dead before it works."""
    bill: Bill | None = None
    """What every query costs of a privacy budget, from its start on."""
    told: tuple[Mapping[str, Any], ...] = ()
    """What a result says of its noise."""
    use: QueryUse | None = None
    """What every query read and used."""
    spent: Spent = NOTHING_SPENT
    """What every query took of the machine."""
    started: list[QuerySpec] = field(default_factory=list)
    endless: set[str] = field(default_factory=set)
    """Queries that run until they are stopped."""
    _queries: dict[str, int] = field(default_factory=dict)
    _specs: dict[str, QuerySpec] = field(default_factory=dict)
    _stopped: set[str] = field(default_factory=set)

    def start(self, spec: QuerySpec) -> None:
        moved = self.again > 0 and self._queries.get(spec.id) == 0
        if spec.id in self._queries and not moved:
            return
        if moved:
            self.again -= 1
        self.started.append(spec)
        self._specs[spec.id] = spec
        self._queries[spec.id] = _FOR_EVER if spec.id in self.endless else self.looks

    def observe(self, query_id: str) -> QueryObservation:
        seen = self._observe(query_id)
        if query_id in self._specs:
            seen = replace(seen, spent=self.spent)
        spec = self._specs.get(query_id)
        if spec is None or seen.phase is Phase.ABSENT or seen.failure is QueryFailure.REFUSED:
            return replace(seen, bill=None if spec is None else self.bill)
        read = [table for table in spec.tables if table.name in self.reads]
        return replace(seen, bill=self.bill, judgement=judgement_of(self.facts, (), read))

    def _observe(self, query_id: str) -> QueryObservation:
        if query_id not in self._queries:
            return QueryObservation(Phase.ABSENT)
        if self.dies:
            self.dies -= 1
            del self._queries[query_id]
            return QueryObservation(Phase.ABSENT)
        if query_id in self._stopped:
            return QueryObservation(Phase.ENDED, failure=QueryFailure.STOPPED)
        if self._queries[query_id]:
            self._queries[query_id] -= 1
            return QueryObservation(Phase.RUNNING)
        failure = QueryFailure.AGAIN if self.again else self.failure
        if failure is not None:
            return QueryObservation(
                Phase.ENDED,
                failure=failure,
                message=self.message,
                disagreement=self.disagreement,
                for_owners=self.for_owners,
            )
        folder = Path(self.data.path(self._specs[query_id].target))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "part-0.csv").write_text("a,b\n1,2\n")
        return QueryObservation(Phase.ENDED, QueryResult(1, ("part-0.csv",), 8, self.reads, self.told, self.use))

    def stop(self, query_id: str) -> None:
        if self._queries.get(query_id):
            self._stopped.add(query_id)

    def forget(self, query_id: str) -> None:
        self._stopped.discard(query_id)
        self._queries.pop(query_id, None)
        self._specs.pop(query_id, None)

    def queries(self) -> Iterable[str]:
        return tuple(self._queries)


@dataclass
class FakeSynthesiser:
    """Syntheses end after so many looks with rows, or with the failure the test chose."""

    data: FolderData
    looks: int = 2
    failure: SynthesisFailure | None = None
    message: str = ""
    cost: SynthesisCost = field(default_factory=lambda: SynthesisCost(1.0, 1e-9, 0.51, 0.47, 0.55))
    dies: int = 0
    """How many times a synthesis is found dead before it works."""
    spent: Spent = NOTHING_SPENT
    """What every synthesis took of the machine."""
    started: list[SynthesisSpec] = field(default_factory=list)
    """Every synthesis that a start really began."""
    saw_rows: list[bool] = field(default_factory=list)
    """Whether the real rows were there when it began."""
    _syntheses: dict[str, int] = field(default_factory=dict)
    _specs: dict[str, SynthesisSpec] = field(default_factory=dict)
    _stopped: set[str] = field(default_factory=set)

    def start(self, spec: SynthesisSpec) -> None:
        if spec.id in self._syntheses:
            return
        self.started.append(spec)
        self.saw_rows.append(bool(self.data.list(spec.source)))
        self._specs[spec.id] = spec
        self._syntheses[spec.id] = self.looks

    def observe(self, synthesis_id: str) -> SynthesisObservation:
        seen = self._observe(synthesis_id)
        return replace(seen, spent=self.spent) if synthesis_id in self._syntheses else seen

    def _observe(self, synthesis_id: str) -> SynthesisObservation:
        if synthesis_id not in self._syntheses:
            return NO_SYNTHESIS
        if self.dies:
            self.dies -= 1
            del self._syntheses[synthesis_id]
            return NO_SYNTHESIS
        if synthesis_id in self._stopped:
            return SynthesisObservation(Phase.ENDED, failure=SynthesisFailure.STOPPED)
        if self._syntheses[synthesis_id]:
            self._syntheses[synthesis_id] -= 1
            return SynthesisObservation(Phase.RUNNING)
        self.data.erase(self._specs[synthesis_id].source)
        if self.failure is not None:
            cost = self.cost if self.failure is SynthesisFailure.SCORE else None
            return SynthesisObservation(Phase.ENDED, None, self.failure, self.message, cost)
        folder = Path(self.data.path(self._specs[synthesis_id].target))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "part-0.csv").write_text("a\n9\n8\n")
        return SynthesisObservation(Phase.ENDED, SynthesisResult(2, ("part-0.csv",), 6), cost=self.cost)

    def stop(self, synthesis_id: str) -> None:
        if self._syntheses.get(synthesis_id):
            self._stopped.add(synthesis_id)
            self.data.erase(self._specs[synthesis_id].source)

    def forget(self, synthesis_id: str) -> None:
        self.stop(synthesis_id)
        self._stopped.discard(synthesis_id)
        self._syntheses.pop(synthesis_id, None)

    def syntheses(self) -> Iterable[str]:
        return tuple(self._syntheses)
