"""The records of each kind, and what is beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from whiteroom.base.callers import Caller
from whiteroom.domain.execution.lifecycle import Event
from whiteroom.domain.observability.metrics import Growth, MetricPoint, MetricReading, MetricSeries

R = TypeVar("R")
V = TypeVar("V")

Actor = Caller | str
"""Whose doing something is: a caller's; an account's, of which no user is known; or `controller`."""


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

    def total(self, field: str, **equals: object) -> int:
        """The sum of a field over the records with these values; 0 where there are none."""

    def totals(self, field: str, by: tuple[str, ...], **equals: object) -> Mapping[tuple[str, ...], float]:
        """As `total`, apart for each combination of the texts in `by`. Reads them all, however many they are."""

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

    def submit(self, record: R, *, actor: Actor, reason: str = "") -> R:
        """Write a new record, its first event with a reason where there is one, and its work, due now.

        Raises:
            Duplicate: a unique constraint forbids it.
        """

    def transition(
        self,
        record: R,
        event: Event,
        *,
        actor: Actor,
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

    def note(self, record: R, *, actor: Actor, at: datetime, reason: str = "", **changes: object) -> R:
        """Write changes without a transition, guarded likewise; a reason adds an event row."""

    def remark(self, record: R, *, actor: Actor, at: datetime, reason: str) -> None:
        """Add an event row, and leave the record as it is."""

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

    def forget(self, resource_id: str) -> None:
        """Remove all that is kept of the metrics of a resource that is removed itself."""

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
