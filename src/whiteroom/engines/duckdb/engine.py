"""The SQL engine that runs by default: DuckDB, one child process for each query.

A query's folder (`queries/ID`) holds all there is to know of it: `spec.json`, `end.json` once it
ended, and a lock that its processes hold while one of them lives. So the engine keeps nothing in
memory, and a server that starts again finds its queries as they are.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from whiteroom.aws.clients import AwsClients
from whiteroom.aws.identities import member
from whiteroom.aws.late import LateClients
from whiteroom.aws.refusals import AwsRefused, AwsUnreachable
from whiteroom.base.machine_errors import Trouble
from whiteroom.base.proxies import proxies
from whiteroom.databases.kinds import Connections
from whiteroom.domain.execution.queries import QueryFailure, QueryObservation, QuerySpec
from whiteroom.domain.execution.runs import Phase
from whiteroom.engines.duckdb.elsewhere.handing import REFUSED, connection_for
from whiteroom.engines.duckdb.specs import (
    BILL,
    END,
    HELD,
    JUDGEMENT,
    SPEC,
    SPILL,
    TABLES,
    End,
    Folders,
    read_bill,
    read_end,
    read_folders,
    read_judgement,
    write_end,
    write_spec,
)
from whiteroom.ports.data import LocalData
from whiteroom.processes.children import child_folder, child_ids, killed, locked, make_child_folder, spawn
from whiteroom.processes.spending import read_spent

SPILL_BYTES = 100 * 10**9
"""How many a query may put on disk of what it works with."""
_ABSENT = QueryObservation(Phase.ABSENT)
_RUNNING = QueryObservation(Phase.RUNNING)


class DuckDbEngine:
    """Implements ports.SqlEngine. Any number of engines, in any number of processes, may share a folder."""

    def __init__(
        self,
        folder: Path,
        data: LocalData,
        spill_bytes: int = SPILL_BYTES,
        aws: AwsClients | LateClients | None = None,
        table_bytes: int = 100 * 10**9,
        connections: Connections | None = None,
    ) -> None:
        """Run queries.

        Args:
            folder: they are kept below it.
            data: says where their rows are.
            spill_bytes: how many each may spill of what it works with.
            aws: has the credentials of owners whose tables are elsewhere; None where none do.
            table_bytes: how many each may bring of such tables.
            connections: has those to owners' databases; None where there are none.
        """
        self._data = data
        self._spill_bytes = spill_bytes
        self._aws = aws
        self._table_bytes = table_bytes
        self._connections = connections
        self._queries = folder.resolve() / "queries"
        self._queries.mkdir(parents=True, exist_ok=True, mode=0o700)

    def start(self, spec: QuerySpec) -> None:
        """Start the query unless it runs or has ended."""
        folder = self._folder(spec.id)
        make_child_folder(folder)
        with locked(folder) as lock:
            ended = read_end(folder / END)
            if lock is None or (ended is not None and ended.failure is not QueryFailure.AGAIN):
                return
            handed = self._handed(spec, anew=ended is not None)
            (folder / END).unlink(missing_ok=True)
            folders = Folders(folder, Path(self._data.path(spec.target)))
            shutil.rmtree(folders.partial, ignore_errors=True)
            (folder / JUDGEMENT).unlink(missing_ok=True)
            write_spec(spec, folders)
            limits = [str(self._spill_bytes), str(self._table_bytes)]
            stdin = json.dumps(handed).encode() if handed else b""
            spawn(folder, lock, "whiteroom.engines.duckdb.child", limits, proxies() if handed else {}, stdin)

    def _handed(self, spec: QuerySpec, *, anew: bool) -> dict[str, Mapping[str, str]]:
        """What the child reads tables elsewhere with, each with its owner's identity alone.

        Args:
            spec: the query.
            anew: whether what it was handed before may have ended.

        Raises:
            Trouble: credentials cannot be had now.
        """
        handed: dict[str, Mapping[str, str]] = {}
        for table in spec.tables:
            if table.source.relation is not None:
                handed[table.association_id] = connection_for(self._connections, table, table.source.relation)
            elif table.source.elsewhere and table.source.objects and self._aws is not None:
                identity = member(table.owner_account_id, table.role_arn or None, spec.id)
                try:
                    if anew:
                        self._aws.forget(identity)
                    region = {"AWS_REGION": table.source.region} if table.source.region else {}
                    handed[table.association_id] = {**self._aws.credentials(identity), **region}
                except AwsRefused as refused:
                    handed[table.association_id] = {REFUSED: str(refused)}
                except AwsUnreachable as error:
                    raise Trouble(f"Table {table.name}: {error}") from None
        return handed

    def observe(self, query_id: str) -> QueryObservation:
        """What the query is doing now."""
        folder = self._folder(query_id)
        if not folder.is_dir():
            return _ABSENT
        with locked(folder) as lock:
            seen = _RUNNING if lock is None else read_end(folder / END) or _ABSENT
        bill, judgement = read_bill(folder / BILL), read_judgement(folder / JUDGEMENT)
        return replace(seen, bill=bill, judgement=judgement, spent=read_spent(folder))

    def stop(self, query_id: str) -> None:
        """Kill the query; one that has ended keeps its end."""
        folder = self._folder(query_id)
        with killed(folder) as dead:
            if dead:
                _record_stop(folder)

    def forget(self, query_id: str) -> None:
        """Kill the query and free what it holds."""
        self.stop(query_id)
        shutil.rmtree(self._folder(query_id), ignore_errors=True)

    def queries(self) -> Iterable[str]:
        """Every query that still has a folder, in the order of their names."""
        return child_ids(self._queries)

    def _folder(self, query_id: str) -> Path:
        return child_folder(self._queries, query_id)


def _record_stop(folder: Path) -> None:
    if read_end(folder / END) is None:
        write_end(folder / END, End(QueryFailure.STOPPED, "The query was stopped."))
    if (folder / SPEC).exists():
        shutil.rmtree(read_folders(folder).partial, ignore_errors=True)
    for left in (SPILL, TABLES, HELD):
        shutil.rmtree(folder / left, ignore_errors=True)
