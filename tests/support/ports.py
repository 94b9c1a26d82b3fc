"""Ports for servers that are told where to listen."""

from __future__ import annotations

import random
import socket
from typing import Final

_FIRST, _END = 15_000, 32_000
"""Below those that a kernel gives to whoever asks for any: between the choice and the server's start one of these would
go to a connection of somebody else's."""
_CHOSEN: Final[set[int]] = set()
_RANDOM: Final = random.SystemRandom()


def free_port() -> int:
    """One that nothing listens at, and that this process has not been told before."""
    while True:
        port = _RANDOM.randrange(_FIRST, _END)
        with socket.socket() as one:
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _CHOSEN:
            _CHOSEN.add(port)
            return port
