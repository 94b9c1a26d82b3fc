"""The controllers' queue of work: a lease and a due time for each record.

A member's request sets the due time and leaves the lease alone, so that a controller that holds
it is not joined by a second one; `release` gives way to a due time that changed meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from whiteroom.ports.store import Claim
from whiteroom.store.session import Rows, Session, Statement, execute
from whiteroom.store.tables import work

_ID = work.c.id == sa.bindparam("work_id")
_MINE = work.c.lease_owner == sa.bindparam("owner")


def key(claim: Claim) -> str:
    """The row of a claim."""
    return f"{claim.work.value}/{claim.record_id}"


def _free_and_due() -> sa.ColumnElement[bool]:
    now: sa.BindParameter[int] = sa.bindparam("now")
    free = sa.or_(work.c.lease_expires_at.is_(None), work.c.lease_expires_at < now)
    return sa.and_(work.c.due_at <= now, free)


def _oldest_due() -> sa.Select[Any]:
    return sa.select(work.c.id).where(_free_and_due()).order_by(work.c.due_at, work.c.id).limit(sa.literal_column("1"))


def _release(**due: Any) -> sa.Update:
    return sa.update(work).where(_ID, _MINE).values(lease_owner=sa.null(), lease_expires_at=sa.null(), **due)


_STATEMENTS: Mapping[str, Statement] = {
    # Is there anything to claim? Read first: a claim that finds nothing must not take the write lock.
    "due": _oldest_due,
    # Lease the row that has been due longest; a dead owner's lease has simply expired.
    "claim": lambda: (
        sa.update(work)
        .where(work.c.id == _oldest_due().scalar_subquery())
        .values(lease_owner=sa.bindparam("owner"), lease_expires_at=sa.bindparam("expires_at"))
        .returning(work.c.kind, work.c.record_id, work.c.due_at)
    ),
    # A heartbeat.
    "extend": lambda: sa.update(work).where(_ID, _MINE).values(lease_expires_at=sa.bindparam("expires_at")),
    # Is there any work left? What has ended is nobody's to lose.
    "there": lambda: sa.select(work.c.id).where(_ID),
    # Give the lease back; the due time stands.
    "release": _release,
    # Give it back and look again later, unless someone asked for it since the claim.
    "release_until": lambda: _release(
        due_at=sa.case(
            (work.c.due_at == sa.bindparam("claimed_due_at"), sa.bindparam("next_due_at")), else_=work.c.due_at
        )
    ),
    # Give every lease back.
    "free": lambda: (
        sa.update(work).where(work.c.lease_owner.is_not(None)).values(lease_owner=sa.null(), lease_expires_at=sa.null())
    ),
    # Nothing is due later than now.
    "look at all": lambda: (
        sa.update(work).where(work.c.due_at > sa.bindparam("now")).values(due_at=sa.bindparam("now"))
    ),
    # When to wake up: leased work is somebody's already, or comes back when its lease expires.
    "next_due": lambda: sa.select(
        sa.func.min(
            sa.case(
                (work.c.lease_expires_at.is_(None), work.c.due_at),
                (work.c.lease_expires_at > work.c.due_at, work.c.lease_expires_at),
                else_=work.c.due_at,
            )
        )
    ),
}


def run(session: Session, name: str, values: Mapping[str, Any]) -> tuple[Rows, int]:
    """Run the statement of that name; the rows, and how many were changed."""
    return execute(session, ("work", name), _STATEMENTS[name], values)
