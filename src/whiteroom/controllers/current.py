"""Checks before a step that cannot be undone: the record has not changed, and its member is still there."""

from __future__ import annotations

from typing import Protocol

from whiteroom.ports.repositories import Stale
from whiteroom.ports.store import Work
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.members import member_active


class Revised(Protocol):
    """A record whose writes are counted."""

    @property
    def id(self) -> str: ...
    @property
    def revision(self) -> int: ...


class Wanted(Revised, Protocol):
    """A record that a membership asked for."""

    @property
    def membership_id(self) -> str: ...


def require_current(tx: Transaction, work: Work, record: Revised) -> None:
    """Do nothing that cannot be taken back, such as a delivery, for a record that was changed meanwhile.

    Raises:
        Stale: it was; what was decided from it no longer holds.
    """
    now = getattr(tx, work.value).get(record.id)
    if now is None or now.revision != record.revision:
        raise Stale(f"{work.value} {record.id} changed before a step that cannot be taken back.")


def require_wanted(tx: Transaction, work: Work, record: Wanted) -> None:
    """As `require_current`, and only for a member that is still there.

    Raises:
        Stale: what was decided no longer holds; the record's plan says what becomes of it.
    """
    require_current(tx, work, record)
    if not member_active(tx, record.membership_id):
        raise Stale(f"The member that asked for {work.value} {record.id} is there no more.")
