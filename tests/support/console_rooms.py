"""The console of a server that has a full room (worlds/callers.py), and somebody of each kind who has signed in.

with open_room(tmp_path / "data") as open_:
    open_.browser("querier").get(open_.url("models")).text
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from support.console import Browser, OpenConsole, open_console
from support.worlds.callers import CALLERS, a_room_of_callers
from support.worlds.every_request import NOON
from support.worlds.everything import FullRoom
from support.worlds.requests import REGION
from whiteroom.domain.resources.quotas import Quota

NOW = NOON + timedelta(hours=1)


@dataclass
class OpenRoom:
    """The room, and browsers in it."""

    console: OpenConsole
    full: FullRoom
    _browsers: dict[str, Browser] = field(default_factory=dict)

    def browser(self, caller: str) -> Browser:
        """Of a kind of caller, signed in; the same one each time."""
        if caller not in self._browsers:
            self._browsers[caller] = self.console.browser(region=REGION)
            self._browsers[caller].sign_in(CALLERS[caller])
        return self._browsers[caller]

    def url(self, *path: str) -> str:
        """A page of the room's collaboration; a name of the room's as a part of the path stands for what it names."""
        parts = [quote(self.full.names[part[1:]] if part[0] == "@" else part, safe=":/") for part in path]
        return "/".join(("/console/collaborations", self.full.names["collaboration"], *parts))


@contextmanager
def open_room(folder: Path) -> Iterator[OpenRoom]:
    """The room on a server in development mode, an hour after noon."""
    with open_console(folder, clock=lambda: NOW) as console:
        (folder / "logs").mkdir(mode=0o700, exist_ok=True)
        full = a_room_of_callers(console.store, folder / "logs")
        for quota in Quota:
            full.room.server.set_quota(quota, 1_000_000)
        yield OpenRoom(console, full)
