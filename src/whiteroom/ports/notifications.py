"""Sending a notice to where an account is told."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from whiteroom.domain.observability.notifications import Notice, NotificationAddress


class NotDelivered(Exception):
    """The receiver did not take it, or nobody knows. The message is a sentence for the operator."""


class Sender(Protocol):
    """One way to reach addresses. Safe from any thread."""

    def send(self, address: NotificationAddress, notice: Notice, now: datetime) -> None:
        """Send a notice; done within seconds, whatever the receiver does.

        Raises:
            NotDelivered: it is to be tried again.
        """
