"""What was delivered, without a room around it: a query of ALICE's whose rows are what a test says.

results = Delivered(store, FolderData(data))
result = results.to(BOB, {"rows.csv": b"a\n1\n"})
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from support.fakes import NOON
from support.worlds.records import a_query
from support.worlds.servers import id_of
from whiteroom.controllers.results import Handover, mark_delivered
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.deliveries import Destination
from whiteroom.domain.resources.quotas import Quotas
from whiteroom.domain.resources.results import Result
from whiteroom.ports.store import Store


@dataclass
class Delivered:
    """Delivers, as controllers do."""

    store: Store
    data: FolderData
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def to(
        self,
        account_id: str,
        files: Mapping[str, bytes],
        location: str = "s3://results/of",
        *,
        collaboration_id: str | None = None,
        whole: bool = True,
        path: str = "",
    ) -> Result:
        """A result of these files; with `whole` it has been delivered, else it is under way."""
        number = next(self._numbers)
        now = NOON + timedelta(seconds=number)
        changes = {} if collaboration_id is None else {"collaboration_id": collaboration_id}
        query = a_query(id=id_of(number), created_at=now, updated_at=now, **changes)
        rows = DataRef(DataKind.RESULT, query.id)
        folder = Path(self.data.path(rows))
        folder.mkdir(parents=True)
        for name, contents in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(contents)
        with self.store.transaction() as tx:
            tx.protected_queries.add(query)
        handover = Handover(self.store, self.data, lambda: now, Quotas({}))
        sources = [(name, rows.at(name)) for name in files]
        handover.deliver(query, account_id, Destination(location, None, None), path or query.id, sources, lambda: None)
        with self.store.transaction() as tx:
            if whole:
                mark_delivered(tx, query.id, now)
            return next(one for one in tx.results.all(job_id=query.id))
