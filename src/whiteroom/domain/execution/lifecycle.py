"""State machines as tables: rows are statuses, columns are events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)


class Event(StrEnum):
    """What can happen to a resource that takes time. One vocabulary for all of them."""

    CREATED = "created"
    """No transition: the first row of every audit trail."""
    STARTED = "started"
    """Its work has begun."""
    SUCCEEDED = "succeeded"
    """Its work is done, and kept or delivered."""
    FAILED = "failed"
    """Its work ended without that; the statusCode says why."""
    CANCEL = "cancel"
    """A member asked for its end."""
    STOPPING = "stopping"
    """It is being ended."""
    STOPPED = "stopped"
    """It has ended as asked for."""
    DELETE = "delete"
    """A member asked for its data to be erased."""
    ERASING = "erasing"
    """Its data are being erased."""
    ERASED = "erased"
    """Its data are gone."""
    EXPIRED = "expired"
    """Its retention is over."""
    GATHERED = "gathered"
    """What it left was looked through, after its end was recorded."""
    NOTED = "noted"
    """No transition: something worth a line in the audit trail."""


class IllegalTransition(Exception):
    """The table has no such cell: operations answer it with ConflictException (HTTP 409)."""

    def __init__(self, resource: str, status: StrEnum, event: Event) -> None:
        super().__init__(f"The {resource} is {status.value}; {event.value!r} is not possible in that status.")
        self.resource = resource
        self.status = status
        self.event = event


@dataclass(frozen=True, slots=True)
class Lifecycle(Generic[S]):
    """One resource's state table.

    AWS publishes the statuses (the service model's enums), not the arrows between them:
    the arrows are ours (docs/decisions/0003-lifecycles.md).
    """

    resource: str
    initial: S
    table: Mapping[S, Mapping[Event, S]]

    def next(self, status: S, event: Event) -> S:
        """The status that `event` leads to from `status`.

        Raises:
            IllegalTransition: the table has no such cell.
        """
        try:
            return self.table[status][event]
        except KeyError:
            raise IllegalTransition(self.resource, status, event) from None

    def accepts(self, status: S, event: Event) -> bool:
        """Whether the table has a cell for `event` in `status`."""
        return event in self.table[status]

    def at_rest(self, status: S) -> bool:
        """Whether nothing more happens in `status` unless a member or the calendar asks for it."""
        return not (_SELF_PROPELLED & set(self.table[status]))


_SELF_PROPELLED = frozenset(
    {Event.STARTED, Event.SUCCEEDED, Event.STOPPING, Event.STOPPED, Event.ERASING, Event.ERASED}
)
"""Events that a controller brings about by itself."""
