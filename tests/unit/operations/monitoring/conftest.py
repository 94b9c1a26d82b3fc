"""A room of whose trainings there are metrics."""

from __future__ import annotations

import pytest

from support.worlds.requests import ALICE, CAROL
from support.worlds.rooms import Room, a_furnished_room
from support.worlds.servers import Server
from unit.operations.monitoring.measured import measured


@pytest.fixture
def room(server: Server) -> Room:
    """ALICE and CAROL have ML configurations; BOB has none, and DAVE is no member."""
    room = a_furnished_room(server)
    for account in (ALICE, CAROL):
        room.configure(account)
    return room


@pytest.fixture
def model(room: Room) -> dict[str, str]:
    return measured(room, "plain")
