"""A room of members (driven.py) who are told what happens, by a sender that takes notices or does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from support.worlds.driven import World
from whiteroom.controllers.loop import Failpoint, nothing
from whiteroom.controllers.notifications import Notifications
from whiteroom.domain.observability.notifications import Notice, NotificationAddress, Way
from whiteroom.ports.notifications import NotDelivered, Sender


@dataclass
class FakeSender(Sender):
    """ports.notifications.Sender: keeps what it is given, or takes nothing."""

    taken: list[tuple[str, Notice]] = field(default_factory=list)
    """The account, and what it was told."""
    refused: list[Notice] = field(default_factory=list)
    problem: str = ""
    """Why nothing is taken."""

    def send(self, address: NotificationAddress, notice: Notice, now: datetime) -> None:
        if self.problem:
            self.refused.append(notice)
            raise NotDelivered(self.problem)
        self.taken.append((address.account_id, notice))


@dataclass
class Told:
    """What the accounts of a world are told."""

    world: World
    sender: FakeSender = field(default_factory=FakeSender)

    def notifications(self, failpoint: Failpoint = nothing) -> Notifications:
        """As a server that was started anew has them."""
        return Notifications(self.world.store, dict.fromkeys(Way, self.sender), self.world.clock, failpoint)

    def add(self, account: str, name: str = "", way: Way = Way.WEBHOOK) -> NotificationAddress:
        """Name an address of an account."""
        now = self.world.clock()
        made = NotificationAddress(name or f"of-{account}", account, way, "https://hooks.test", now, now)
        with self.world.store.transaction() as tx:
            tx.notification_addresses.add(made)
        return made

    def address(self, address_id: str) -> NotificationAddress:
        with self.world.store.reading() as tx:
            found = tx.notification_addresses.get(address_id)
        assert found is not None
        return found

    def pending(self, address_id: str) -> list[Notice]:
        with self.world.store.reading() as tx:
            return list(tx.notices.all(address_id=address_id))

    def pump(self, notifications: Notifications | None = None) -> None:
        """Take every step that is due now."""
        notifications = notifications or self.notifications()
        while notifications.spread():
            pass
        notifications.look()
        while sendings := notifications.sendings(()):
            for sending in sendings:
                notifications.send(sending)

    def types(self, account: str) -> list[str]:
        return [notice.type for told, notice in self.sender.taken if told == account]

    def data(self, account: str, kind: str) -> dict[str, Any]:
        (found,) = [dict(n.data) for told, n in self.sender.taken if told == account and n.type == kind]
        return found
