"""The SQL engine that runs by default: DuckDB, one child process for each query.

A query's folder (`queries/ID`) holds all there is to know of it: `spec.json`, `end.json` once it
ended, and a lock that its processes hold while one of them lives. So the engine keeps nothing in
memory, and a server that starts again finds its queries as they are.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from whiteroom.domain.execution.queries import QueryFailure, QueryObservation, QuerySpec
from whiteroom.domain.execution.runs import Phase
from whiteroom.engines.duckdb.specs import (
    BILL,
    END,
    JUDGEMENT,
    SPEC,
    SPILL,
    Folders,
    read_bill,
    read_end,
    read_folders,
    read_judgement,
    write_end,
    write_spec,
)
from whiteroom.ports import LocalData
from whiteroom.processes.children import child_folder, child_ids, killed, locked, spawn
from whiteroom.processes.spending import read_spent

_ABSENT = QueryObservation(Phase.ABSENT)
_RUNNING = QueryObservation(Phase.RUNNING)


class DuckDbEngine:
    """Implements ports.SqlEngine. Any number of engines, in any number of processes, may share a folder."""

    def __init__(self, folder: Path, data: LocalData, spill_bytes: int = 100 * 10**9) -> None:
        """Keep queries below `folder`, and rows where `data` says; each query may put `spill_bytes` of rows on disk."""
        self._data = data
        self._spill_bytes = spill_bytes
        self._queries = folder.resolve() / "queries"
        self._queries.mkdir(parents=True, exist_ok=True, mode=0o700)

    def start(self, spec: QuerySpec) -> None:
        """Start the query unless it runs or has ended."""
        folder = self._folder(spec.id)
        folder.mkdir(mode=0o700, exist_ok=True)
        with locked(folder) as lock:
            if lock is None or read_end(folder / END) is not None:
                return
            folders = Folders(folder, Path(self._data.path(spec.target)))
            shutil.rmtree(folders.partial, ignore_errors=True)
            (folder / JUDGEMENT).unlink(missing_ok=True)
            write_spec(spec, folders)
            spawn(folder, lock, "whiteroom.engines.duckdb.child", [str(self._spill_bytes)])

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
        write_end(folder / END, QueryFailure.STOPPED, "The query was stopped.")
    if (folder / SPEC).exists():
        shutil.rmtree(read_folders(folder).partial, ignore_errors=True)
    shutil.rmtree(folder / SPILL, ignore_errors=True)
