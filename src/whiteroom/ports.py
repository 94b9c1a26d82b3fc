"""What the clean room needs from outside itself.

Each port has one contract suite (tests/contract/) that runs on every implementation.
Adapters: store/, runtime/, engines/, catalog/, objects/. They meet in app.py and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from whiteroom.domain.accounts import AccessKey, Account
from whiteroom.domain.analysis_templates import AnalysisTemplate
from whiteroom.domain.collaborations import Collaboration, Member
from whiteroom.domain.configured_model_algorithm_associations import ConfiguredModelAlgorithmAssociation
from whiteroom.domain.configured_model_algorithms import ConfiguredModelAlgorithm
from whiteroom.domain.configured_table_associations import (
    ConfiguredTableAssociation,
    ConfiguredTableAssociationAnalysisRule,
)
from whiteroom.domain.configured_tables import ConfiguredTable, ConfiguredTableAnalysisRule
from whiteroom.domain.events import ResourceEvent
from whiteroom.domain.lifecycle import Event
from whiteroom.domain.memberships import Membership
from whiteroom.domain.metrics import Growth, MetricPoint, MetricReading, MetricSeries, Usage
from whiteroom.domain.ml_configurations import MLConfiguration
from whiteroom.domain.ml_input_channels import MLInputChannel
from whiteroom.domain.privacy_budgets import PrivacyBudgetTemplate
from whiteroom.domain.protected_queries import ProtectedQuery
from whiteroom.domain.queries import CatalogTable, QueryObservation, QuerySpec
from whiteroom.domain.runs import LogLine, Observation, Run, RunId, RunOutput, SandboxReport
from whiteroom.domain.trained_model_export_jobs import TrainedModelExportJob
from whiteroom.domain.trained_model_inference_jobs import TrainedModelInferenceJob
from whiteroom.domain.trained_models import TrainedModel

R = TypeVar("R")
V = TypeVar("V")


class ImageNotFound(Exception):
    """No image of that name is known here. The message says how to bring it."""


class RunRefused(Exception):
    """This runtime can never run that run; the message says why and what to do, safe for the member."""


class CannotSeal(RunRefused):
    """It is the machine's fault and not the run's: nothing can be sealed here as it is now."""


class Runtime(Protocol):
    """Somewhere that runs sealed instances.

    A run's id is its identity: the same id always means the same run. Every call returns
    at once (`start` within tens of milliseconds) and may be repeated after a crash.
    Contract suite: tests/contract/runtime/.
    """

    def image_digest(self, image_uri: str) -> str:
        """The digest (`sha256:...`) that `image_uri` names now.

        Raises:
            ImageNotFound: nothing here has that name.
        """

    def start(self, run: Run) -> None:
        """Start the run unless it already exists; a repeat is harmless.

        Raises:
            RunRefused: this runtime can never run it (no sandbox, more than one instance).
        """

    def observe(self, run_id: RunId) -> Observation:
        """What the run is doing now."""

    def stop(self, run_id: RunId, grace_seconds: int) -> None:
        """Ask for SIGTERM now and SIGKILL after `grace_seconds`; returns at once. An absent or ended run stays so."""

    def output(self, run_id: RunId) -> tuple[RunOutput, ...]:
        """Where each instance of an ended run left its results, algo-1 first. Only for a run in `Phase.ENDED`."""

    def logs(self, run_id: RunId, after: int = 0) -> Iterator[LogLine]:
        """The run's log from line number `after` (counting from 0) to what is there now; kept after `forget`."""

    def usage(self, run_id: RunId, after: int = 0) -> Iterator[Usage]:
        """What the run's instances took of the machine, from sample number `after` on; kept as its log is."""

    def runs(self) -> Iterable[RunId]:
        """Every run that still holds something here."""

    def forget(self, run_id: RunId) -> None:
        """Kill what is left of the run and free what it holds, its log excepted. An absent run is a success."""

    def forget_logs(self, run_id: RunId) -> None:
        """Delete the run's log and its samples. What is absent is a success."""

    def report(self) -> SandboxReport:
        """What this machine offers to seal a run."""


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line of a run's log, and where it stands there."""

    start: int
    end: int
    """Where the next line begins."""
    line: LogLine


class RunLogs(Protocol):
    """The logs of all runs, read from any place on: a place is a number that grows from line to line.

    Times do not fall from line to line. A log that is not there has no lines. Contract: tests/unit/runtime/.
    """

    def forward(self, run_id: RunId, start: int) -> Iterator[PlacedLine]:
        """The complete lines from the place `start` on, to what is there now."""

    def backward(self, run_id: RunId, end: int) -> Iterator[PlacedLine]:
        """The complete lines before the place `end`, the last one first."""

    def end(self, run_id: RunId) -> int:
        """Where the next line will begin."""

    def first_at(self, run_id: RunId, at_ms: int) -> int:
        """The place of the first line that is not older than `at_ms`; the end, where there is none."""

    def key(self) -> bytes:
        """A secret of this deployment, the same after a restart: places say how much is hidden, so they are sealed."""


class SqlEngine(Protocol):
    """Runs one guarded query at a time per id, in a limited process of its own.

    The guard (parse, judge by the tables' rules, rewrite) runs in that process too, so
    that a hostile query costs nobody else anything. Contract suite: tests/contract/engines/.
    """

    def start(self, spec: QuerySpec) -> None:
        """Start the query unless it runs or has ended; a repeat is harmless."""

    def observe(self, query_id: str) -> QueryObservation:
        """What the query is doing now; a process that died without a word is `Phase.ABSENT`."""

    def stop(self, query_id: str) -> None:
        """Kill the query. An absent one is a success."""

    def forget(self, query_id: str) -> None:
        """Kill the query and free what it holds; its result folder is the caller's and stays."""

    def queries(self) -> Iterable[str]:
        """Every query that still holds something here."""


class Layouts(Protocol):
    """Lays a channel's rows out in more files than its query wrote. Contract suite: tests/contract/engines/."""

    def split(self, folder: Path, target: Path, files: int, *, csv_header: bool) -> None:
        """Put the rows of the files in `folder`, in order and evenly, into so many new files in `target`.

        Waits for it. The target appears whole or not at all; where it exists nothing is done.

        Args:
            folder: holds CSV or Parquet files, read in the order of their names.
            target: the folder to be made; the same rows give the same files.
            files: how many.
            csv_header: whether each CSV file begins with a header row; the new ones do then, too.
        """


class TableNotFound(Exception):
    """The catalog has no such table for that account, or its files are gone. Safe for the table's owner."""


class Catalog(Protocol):
    """Resolves what a configured table refers to. Contract suite: tests/contract/catalog/."""

    def resolve(self, account_id: str, database: str, table: str) -> CatalogTable:
        """The files and schema of `database.table` of that account, as they are now.

        Raises:
            TableNotFound: the account has no such table, or its files cannot be read.
        """


class UnsafeContents(Exception):
    """A run left something other than regular files and folders. The message names it relative to its folder."""


class ConflictingContents(Exception):
    """Instances of one run left different contents under one path. The message names the path and two of them."""


class TooLarge(Exception):
    """More bytes than the limit allows. Carries `size_bytes` as far as it was counted, and `limit_bytes`."""

    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"{size_bytes:,} bytes; the limit is {limit_bytes:,}.")
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One artefact that is kept."""

    key: str
    size_bytes: int
    """As stored (compressed)."""
    content_bytes: int
    """Of the regular files inside, uncompressed."""


class ObjectStore(Protocol):
    """Keeps artefacts under keys, and delivers results to members' locations.

    Keys and names are relative, made of `[A-Za-z0-9._-]` and slashes. Every write appears
    whole or not at all, and a repeat replaces what stood there. Contract suite:
    tests/contract/objects/.
    """

    def pack(self, folders: Mapping[str, Path], key: str, limit_bytes: int | None) -> StoredObject:
        """Archive untrusted folders, one a host, merged, as .tar.gz under `key`: regular files, plain relative names.

        The archive has no folders of its own: an empty one is not kept.
        What several hosts left under one path must be the same; it is kept once.

        Raises:
            ConflictingContents: it is not.
            UnsafeContents: a link of either kind, a device, a FIFO, a socket, a name that is not UTF-8, 128 levels.
            TooLarge: the regular files hold more than `limit_bytes`; nothing is kept.
        """

    def measure(self, folders: Mapping[str, Path]) -> int:
        """Bytes of the regular files in untrusted folders, one a host, sparse files at their full length.

        What several hosts left under one path counts once; whether it is the same is looked at by `pack`.

        Raises:
            ConflictingContents: it cannot be, as their sizes differ.
            UnsafeContents: as `pack`.
        """

    def stat(self, key: str) -> StoredObject | None:
        """What is kept under `key`; None if nothing is."""

    def local_path(self, key: str) -> Path:
        """A file of this machine with the object's bytes, not to be written to.

        Raises:
            KeyError: nothing is kept under `key`.
        """

    def delete(self, prefix: str) -> None:
        """Delete every object whose key is `prefix` or lies below it. None is a success."""

    def deliver(
        self,
        location: str,
        path: str,
        sources: Iterable[tuple[str, Path]],
        confirm: Callable[[], object] = lambda: None,
    ) -> None:
        """Put files (name, source) at `location` (`s3://BUCKET/PREFIX`) below the folder `path`, all or none.

        Sources are untrusted: only regular files are read, without following links.

        Args:
            location: of the receiver.
            path: of the delivery, below it.
            sources: the files.
            confirm: called when all of them have been copied and none can be seen yet, since copying takes time:
                where it raises, nothing is delivered, and what it raised goes to the caller.

        Raises:
            UnsafeContents: a source is not a regular file.
            DeliveryFailed: the location cannot be written to.
        """


class DeliveryFailed(Exception):
    """A member's location took nothing. The message is safe for the member."""


class Duplicate(Exception):
    """A record with these unique values exists. The message names the constraint."""


class Stale(Exception):
    """Another writer changed the record since it was read: what was decided from it no longer holds."""


@dataclass(frozen=True, slots=True)
class PageKey:
    """A place in a list ordered by creation, newest first: the last record that was seen."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """A part of a list; `next` is where the following part starts, None at the end."""

    items: tuple[R, ...]
    next: PageKey | None


class Repository(Protocol[R]):
    """The records of one kind. Every `**equals` names fields of the record; only indexed ones are accepted."""

    def get(self, record_id: str) -> R | None:
        """The record with that id."""

    def find(self, **equals: object) -> R | None:
        """The newest record with these values."""

    def all(self, **equals: object) -> tuple[R, ...]:
        """Every record with these values, oldest first."""

    def page(self, limit: int, after: PageKey | None, **equals: object) -> Page[R]:
        """At most `limit` records with these values, newest first, after the place named. Paged by key."""

    def page_as(self, view: type[V], limit: int, after: PageKey | None, **equals: object) -> Page[V]:
        """As `page`, reading no more of each record than `view` holds: a dataclass with some of its fields."""

    def count(self, up_to: int, **equals: object) -> int:
        """How many records have these values, counted no further than `up_to`."""

    def add(self, record: R) -> R:
        """Write a new record.

        Raises:
            Duplicate: a unique constraint forbids it.
        """

    def update(self, record: R, **changes: object) -> R:
        """Write changes to a record that has no lifecycle, and answer it changed.

        Raises:
            Stale: the record is gone.
            Duplicate: a unique constraint forbids it.
        """

    def remove(self, record: R) -> None:
        """Delete the record. An absent one is a success."""


class LifecycleRepository(Repository[R], Protocol[R]):
    """The records of a kind that goes through states. Its work is found by `Store.claim`."""

    def submit(self, record: R, *, actor: str) -> R:
        """Write a new record, its first event, and its work, due now.

        Raises:
            Duplicate: a unique constraint forbids it.
        """

    def transition(
        self,
        record: R,
        event: Event,
        *,
        actor: str,
        at: datetime,
        reason: str = "",
        due_at: datetime | None = None,
        **changes: object,
    ) -> R:
        """Move the record along its state table, with its event row, guarded by the revision that was read.

        The work becomes due now, at `due_at` where one is given, or ends where the new status is at rest.

        Raises:
            IllegalTransition: the table has no such cell.
            Stale: another writer was faster; nothing is written.
        """

    def note(self, record: R, *, actor: str, at: datetime, reason: str = "", **changes: object) -> R:
        """Write changes without a transition, guarded likewise; a reason adds an event row."""

    def working(self) -> tuple[R, ...]:
        """Every record that has work, due or not."""


class Tags(Protocol):
    """Tags of every taggable resource, by ARN."""

    def get(self, arn: str) -> Mapping[str, str]:
        """The resource's tags; empty where there are none."""

    def put(self, arn: str, tags: Mapping[str, str]) -> None:
        """Replace the resource's tags; an empty mapping removes them."""


class Metrics(Protocol):
    """The points of runs, and how far each run has been read."""

    def reading(self, run_id: str) -> MetricReading | None:
        """How far the metrics of a run have been read; None before anything was."""

    def advance(self, reading: MetricReading, growths: Iterable[Growth]) -> None:
        """Write what was found and that it was read, guarded by the reading's revision, which becomes one more.

        Raises:
            Stale: another reader was faster; the transaction must be given up.
        """

    def series(self, resource_id: str) -> tuple[MetricSeries, ...]:
        """Every series of a version of a model or of an inference job, by kind, name and host."""

    def points(
        self,
        series: MetricSeries,
        limit: int,
        *,
        after: MetricPoint | None = None,
        from_ms: int | None = None,
        until_ms: int | None = None,
    ) -> tuple[MetricPoint, ...]:
        """At most `limit` points of a series in the order of time and step, later than `after`. Paged by key.

        Args:
            series: whose; its kind, name, host and resource name it.
            limit: how many at most; fewer are the last.
            after: the last point of the page before.
            from_ms: none earlier than this.
            until_ms: none at this time or later.
        """


class Transaction(Protocol):
    """Everything the store knows, at one moment: all of it is written, or none."""

    @property
    def accounts(self) -> Repository[Account]: ...
    @property
    def access_keys(self) -> Repository[AccessKey]: ...
    @property
    def collaborations(self) -> Repository[Collaboration]: ...
    @property
    def members(self) -> Repository[Member]: ...
    @property
    def memberships(self) -> Repository[Membership]: ...
    @property
    def configured_tables(self) -> Repository[ConfiguredTable]: ...
    @property
    def configured_table_analysis_rules(self) -> Repository[ConfiguredTableAnalysisRule]: ...
    @property
    def configured_table_associations(self) -> Repository[ConfiguredTableAssociation]: ...
    @property
    def configured_table_association_analysis_rules(self) -> Repository[ConfiguredTableAssociationAnalysisRule]: ...
    @property
    def analysis_templates(self) -> Repository[AnalysisTemplate]: ...
    @property
    def protected_queries(self) -> LifecycleRepository[ProtectedQuery]: ...
    @property
    def privacy_budget_templates(self) -> Repository[PrivacyBudgetTemplate]: ...
    @property
    def ml_configurations(self) -> Repository[MLConfiguration]: ...
    @property
    def configured_model_algorithms(self) -> Repository[ConfiguredModelAlgorithm]: ...
    @property
    def configured_model_algorithm_associations(self) -> Repository[ConfiguredModelAlgorithmAssociation]: ...
    @property
    def ml_input_channels(self) -> LifecycleRepository[MLInputChannel]: ...
    @property
    def trained_models(self) -> LifecycleRepository[TrainedModel]: ...
    @property
    def trained_model_inference_jobs(self) -> LifecycleRepository[TrainedModelInferenceJob]: ...
    @property
    def trained_model_export_jobs(self) -> LifecycleRepository[TrainedModelExportJob]: ...
    @property
    def tags(self) -> Tags: ...
    @property
    def metrics(self) -> Metrics: ...

    def events(self, arn: str) -> tuple[ResourceEvent, ...]:
        """Every event of the resources with that ARN (all versions of a model), oldest first."""


class Work(StrEnum):
    """Kinds of records that a controller drives; each is the name of its repository."""

    ML_INPUT_CHANNELS = "ml_input_channels"
    TRAINED_MODELS = "trained_models"
    TRAINED_MODEL_INFERENCE_JOBS = "trained_model_inference_jobs"
    TRAINED_MODEL_EXPORT_JOBS = "trained_model_export_jobs"
    PROTECTED_QUERIES = "protected_queries"


@dataclass(frozen=True, slots=True)
class Claim:
    """A lease on one record's work."""

    work: Work
    record_id: str
    owner: str
    due_at: datetime
    """As it was when the claim was made: `release` leaves a later wish alone."""


class Store(Protocol):
    """Where all state lives. Safe from any thread, and from other processes on the same folder."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A transaction that may write: committed durably at the end, rolled back on any exception."""

    def reading(self) -> AbstractContextManager[Transaction]:
        """A consistent view that writes nothing."""

    def claim(self, owner: str, now: datetime, lease_seconds: float) -> Claim | None:
        """Lease the work that has been due longest; a dead owner's lease expires by itself."""

    def extend(self, claim: Claim, now: datetime, lease_seconds: float) -> bool:
        """Keep a lease; False if it was lost."""

    def release(self, claim: Claim, next_due_at: datetime | None) -> None:
        """Give a lease back. The work is due again at `next_due_at`, unless a member asked for it meanwhile."""

    def free_leases(self) -> None:
        """Give back every lease, whoever holds it. For a server that knows that it is alone, when it starts."""

    def next_due_at(self) -> datetime | None:
        """When the next unleased work is due."""
