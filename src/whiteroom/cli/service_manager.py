"""Tells the service manager that has started the server, where one has, that it is ready (systemd's `Type=notify`)."""

from __future__ import annotations

import os
import socket
from contextlib import suppress

VARIABLE = "NOTIFY_SOCKET"
READY = "READY=1"


class ServiceManager:
    """The one that has started this process; none where the environment names none."""

    def __init__(self) -> None:
        """Take its address out of the environment: what this process starts is not to speak for it."""
        self._address = os.environ.pop(VARIABLE, "")

    def tell(self, state: str) -> None:
        """Tell it what has become of the server. One that does not listen is left alone."""
        if not self._address:
            return
        abstract = self._address.startswith("@")
        address = f"\0{self._address[1:]}" if abstract else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.connect(address)
            manager.send(state.encode())
