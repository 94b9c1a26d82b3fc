"""Tells accounts what ended and what they have to do: outbox -> notices -> sent, one transaction between two steps.

A crash anywhere leaves something that the next pass goes on with: an end in the outbox, a notice that waits, or one
that was sent and is sent again under the same id. So each is sent at least once, unless it is given up.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from whiteroom.base.clock import Clock
from whiteroom.controllers.loop import Failpoint, nothing
from whiteroom.domain.observability.notifications import (
    LONGEST_WAIT,
    MOST_PENDING,
    Notice,
    NotificationAddress,
    Way,
    has_come,
    next_try,
    pause,
)
from whiteroom.ports.notifications import NotDelivered, Sender
from whiteroom.ports.store import Store
from whiteroom.ports.transaction import Transaction
from whiteroom.reads.notifications import is_due, may_know, needs_now, notices_of_end

log = logging.getLogger(__name__)

_BATCH = 100
"""How many ends are read from the outbox in one transaction."""
_NOTHING: Mapping[str, float] = {}


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What of a notice says when its turn is."""

    id: str
    created_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Sending:
    """A notice whose turn it is, and the lane that it takes: in each one thing is sent at a time."""

    address_id: str
    notice_id: str
    lane: str


class Notifications:
    """The steps; safe from any thread."""

    def __init__(
        self, store: Store, senders: Mapping[Way, Sender], clock: Clock, failpoint: Failpoint = nothing
    ) -> None:
        """Send what the store has by these senders."""
        self._store = store
        self._senders = senders
        self._clock = clock
        self._failpoint = failpoint

    def spread(self) -> bool:
        """Make notices of ends in the outbox; whether there were any."""
        with self._store.reading() as tx:
            if not tx.outbox.count(1):
                return False
        with self._store.transaction() as tx:
            for entry in tx.outbox.all()[:_BATCH]:
                _enqueue(tx, notices_of_end(tx, entry))
                tx.outbox.remove(entry)
            self._failpoint("planned")
        return True

    def look(self) -> None:
        """Make notices of what collaborations wait for from accounts, once for each need as long as it lasts."""
        now = self._clock()
        with self._store.reading() as tx:
            changed = [address.id for address in tx.notification_addresses.all() if _differs(tx, address, now)]
        for address_id in changed:
            with self._store.transaction() as tx:
                address = tx.notification_addresses.get(address_id)
                if address is not None:
                    _update_needs(tx, address, now)

    def next_due_at(self, busy: Collection[str] = ()) -> datetime | None:
        """When the next notice is to be sent in a lane that is not busy; None where none waits."""
        with self._store.reading() as tx:
            moments = [
                max(address.due_at, min(waiting.due_at for waiting in pending))
                for address in tx.notification_addresses.all()
                if _lane(address) not in busy and (pending := _pending(tx, address))
            ]
        return min(moments, default=None)

    def sendings(self, busy: Collection[str], spent: Mapping[str, float] = _NOTHING) -> list[Sending]:
        """The notice that is due first, of each lane that is not busy; on whom most time was spent comes last.

        Args:
            busy: lanes.
            spent: seconds, by the ids of addresses.
        """
        now, found = self._clock(), dict[str, Sending]()
        with self._store.reading() as tx:
            for address in sorted(tx.notification_addresses.all(), key=lambda one: spent.get(one.id, 0.0)):
                lane = _lane(address)
                if lane in busy or lane in found or not has_come(address.due_at, now):
                    continue
                due = [one for one in _pending(tx, address) if has_come(one.due_at, now)]
                if due:
                    first = min(due, key=lambda one: (one.due_at, one.created_at, one.id))
                    found[lane] = Sending(address.id, first.id, lane)
        return list(found.values())

    def send(self, sending: Sending) -> None:
        """Send a notice, and write down what became of it. Never at once with another one of its lane."""
        now = self._clock()
        with self._store.reading() as tx:
            address = tx.notification_addresses.get(sending.address_id)
            waiting = tx.notices.get(sending.notice_id)
            known = address is not None and waiting is not None and may_know(tx, address.account_id, waiting)
        if address is None or waiting is None:
            return
        if not known:
            with self._store.transaction() as tx:
                tx.notices.remove(waiting)
            return
        problem = None
        if now - waiting.created_at > LONGEST_WAIT:
            self._drop(address, waiting)
            return
        try:
            self._senders[address.way].send(address, waiting, now)
        except NotDelivered as error:
            problem = str(error)
        self._failpoint("acted")
        with self._store.transaction() as tx:
            _settle(tx, sending, problem, self._clock())
        self._failpoint("recorded")

    def _drop(self, address: NotificationAddress, waiting: Notice) -> None:
        """Give up what has waited for too long behind others, or while no server ran."""
        log.warning("a notice for %s is given up: it is too old", address.place)
        with self._store.transaction() as tx:
            found = tx.notification_addresses.get(address.id)
            if found is not None and tx.notices.get(waiting.id) is not None:
                tx.notices.remove(waiting)
                tx.notification_addresses.update(found, given_up=found.given_up + 1)


def _pending(tx: Transaction, address: NotificationAddress) -> Sequence[_Waiting]:
    return tx.notices.page_as(_Waiting, MOST_PENDING, None, address_id=address.id).items


def _lane(address: NotificationAddress) -> str:
    """All mail goes through one server: if it hangs, it holds up one thread, and no webhook."""
    return address.id if address.way is Way.WEBHOOK else Way.EMAIL.value


def _enqueue(tx: Transaction, notices: Iterable[Notice]) -> None:
    """Have notices wait for their addresses, as far as they may know and there is room."""
    for new in notices:
        address = tx.notification_addresses.get(new.address_id)
        if address is None or not may_know(tx, address.account_id, new) or tx.notices.get(new.id) is not None:
            continue
        if tx.notices.count(MOST_PENDING, address_id=address.id) >= MOST_PENDING:
            tx.notification_addresses.update(address, given_up=address.given_up + 1)
        else:
            tx.notices.add(new)


def _differs(tx: Transaction, address: NotificationAddress, now: datetime) -> bool:
    """Whether what an account lacks is not what was written down of it, or something of it is to be told."""
    seen = tx.needs.all(address_id=address.id)
    return {one.id for one in seen} != set(needs_now(tx, address, now)) or any(is_due(one, now) for one in seen)


def _update_needs(tx: Transaction, address: NotificationAddress, now: datetime) -> None:
    current = needs_now(tx, address, now)
    seen = {one.id: one for one in tx.needs.all(address_id=address.id)}
    for gone in set(seen) - set(current):
        tx.needs.remove(seen[gone])
    for need_id, (new, its_notice) in current.items():
        first = seen.get(need_id)
        if first is None:
            first = tx.needs.add(new)
        if is_due(first, now):
            tx.needs.update(first, is_told=True)
            _enqueue(tx, [its_notice])


def _settle(tx: Transaction, sending: Sending, problem: str | None, now: datetime) -> None:
    """Write down how a try ended: the notice is over, or waits; its address is well, or is left alone for a while."""
    address = tx.notification_addresses.get(sending.address_id)
    waiting = tx.notices.get(sending.notice_id)
    if address is None or waiting is None:
        return
    if problem is None:
        tx.notices.remove(waiting)
        tx.notification_addresses.update(address, failures=0, failing_since=None, problem=None, due_at=now)
        return
    tries, failures = waiting.tries + 1, address.failures + 1
    wait = next_try(tries)
    is_over = wait is None or now + wait - waiting.created_at > LONGEST_WAIT + timedelta(minutes=1)
    if wait is None or is_over:
        log.warning("a notice for %s is given up: %s", address.place, problem)
        tx.notices.remove(waiting)
    else:
        tx.notices.update(waiting, tries=tries, due_at=now + wait)
    tx.notification_addresses.update(
        address,
        failures=failures,
        failing_since=address.failing_since or now,
        problem=problem,
        due_at=now + pause(failures),
        given_up=address.given_up + (1 if is_over else 0),
    )
