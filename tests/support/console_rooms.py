"""The console of a server that has a full room (worlds/callers.py), and somebody of each kind who has signed in.

with open_room(tmp_path / "data") as open_:
    open_.browser("querier").get(open_.url("models")).text
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from support.console import Browser, OpenConsole, open_console
from support.worlds.callers import CALLERS, a_room_of_callers
from support.worlds.delivered import Delivered
from support.worlds.every_request import NOON
from support.worlds.everything import FullRoom
from support.worlds.requests import REGION
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.runs import TRAINING_PREFIX
from whiteroom.domain.observability.metrics import MetricKind, MetricSeries, begin_reading, grow
from whiteroom.domain.resources.quotas import Quota
from whiteroom.runtime.supervisor.logs import LogWriter

NOW = NOON + timedelta(hours=1)


@dataclass
class OpenRoom:
    """The room, and browsers in it."""

    console: OpenConsole
    full: FullRoom
    folder: Path
    delivered: Delivered
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

    def printed(self, record_id: str, lines: list[bytes], host: str = "algo-1") -> None:
        """Have a training print lines, which the receiver may read."""
        file = self.folder / "logs" / f"{TRAINING_PREFIX}{record_id}.jsonl"
        writer = LogWriter(str(file), limit_bytes=1 << 24, line_characters=1 << 16)
        writer.add(int(NOON.timestamp() * 1000), host, "stdout", lines)
        writer.close()

    def measured(self, record_id: str, name: str, values: list[float], host: str = "algo-1") -> None:
        """Have a training take so much of the machine, second by second, which the receiver may see."""
        series = MetricSeries(record_id, MetricKind.SYSTEM, name, host)
        with self.full.room.server.store.transaction() as tx:
            record = tx.trained_models.get(record_id)
            assert record is not None
            begin = int(record.created_at.timestamp() * 1000)
            points = [(begin + 1000 * second, value) for second, value in enumerate(values)]
            tx.metrics.advance(
                begin_reading(f"{name}-{host}-{record_id}", record_id, (), 1), [grow(series, points, 1_000)]
            )
            published = {"metrics_status": "PUBLISH_SUCCEEDED", "logs_status": "PUBLISH_SUCCEEDED"}
            tx.trained_models.note(record, actor="controller", at=self.full.room.server.now, **published)


@contextmanager
def open_room(folder: Path) -> Iterator[OpenRoom]:
    """The room on a server in development mode, an hour after noon."""
    with open_console(folder, clock=lambda: NOW) as console:
        (folder / "logs").mkdir(mode=0o700, exist_ok=True)
        full = a_room_of_callers(console.store, folder / "logs")
        for quota in Quota:
            full.room.server.set_quota(quota, 1_000_000)
        answering = console.whiteroom._answering
        answering._deployment = replace(answering._deployment, quotas=full.room.server.quotas)
        # Its tables are in no file: what the room's catalog says of them is all that there is.
        answering._catalog = full.room.server.catalog
        yield OpenRoom(console, full, folder, Delivered(console.store, FolderData(folder), itertools.count(1_000_000)))
