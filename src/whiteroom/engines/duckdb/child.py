"""The process that runs one query: a supervisor, and forked from it a worker that runs the guard and the query.

python -m whiteroom.engines.duckdb.child SPILL_BYTES TABLE_BYTES    (in the query's folder, with an empty environment)

On its standard input is what it reads tables elsewhere with: credentials and connections by the ids of associations, as
JSON.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from whiteroom.domain.execution.queries import QueryFailure, QuerySpec
from whiteroom.engines.duckdb.specs import END, HELD, SPILL, TABLES, End, Folders, read_folders, read_spec, write_end
from whiteroom.processes.supervising import Death, limit, supervise

_RECURSION_LIMIT = 3_000
"""Deep enough for any query a person writes; each level costs the heap, not the stack."""
_OVERHEAD_BYTES = 1 << 30
"""Address space that DuckDB maps beside the memory it uses."""
_DRIVER_BYTES = 4 << 30
"""Address space that the driver for Snowflake reserves, for what it is written in and its threads, and does not use."""


def main() -> None:
    """Run the query of the working directory to its end."""
    spec, folders = read_spec(Path.cwd()), read_folders(Path.cwd())
    death = supervise(lambda: _work(folders, spec, *map(int, sys.argv[1:3])), spec.timeout_seconds)
    # Before anything is written: they may have filled the disk.
    for left in (folders.partial, *(folders.work / name for name in (SPILL, TABLES, HELD))):
        shutil.rmtree(left, ignore_errors=True)
    # The worker writes its own end; what is missing died before it could.
    if death is not Death.OF_ITSELF and not (folders.work / END).exists():
        write_end(folders.work / END, _failure(death, spec))


def _failure(death: Death, spec: QuerySpec) -> End:
    if death is Death.TIME:
        seconds = f"{spec.timeout_seconds:,} seconds"
        return End(QueryFailure.TIMEOUT, f"The query ran for {seconds}, its limit, without an end.")
    if death is Death.MEMORY:
        return End(QueryFailure.RESOURCES, _memory_message(spec))
    return End(QueryFailure.PLATFORM, "The query's process failed; the operator finds the cause in its log.")


def _memory_message(spec: QuerySpec) -> str:
    gigabytes = spec.memory_bytes / 10**9
    return f"The query needs more than its {gigabytes:.1f} GB of memory. Use a larger worker, or read fewer columns."


def _work(folders: Folders, spec: QuerySpec, spill_bytes: int, table_bytes: int) -> None:
    """Run the query and write down how it ended."""
    sys.setrecursionlimit(_RECURSION_LIMIT)
    handed = json.loads(sys.stdin.buffer.read() or b"{}")
    try:
        from whiteroom.engines.duckdb.elsewhere.handing import Staging  # noqa: PLC0415 -- the supervisor stays small
        from whiteroom.engines.duckdb.worker import run_query  # noqa: PLC0415 -- likewise

        files = sum(len(table.source.read_paths) for table in spec.tables)
        relations = [table.source.relation for table in spec.tables if table.source.relation is not None]
        driver_bytes = _DRIVER_BYTES if any(relation.in_snowflake for relation in relations) else 0
        overhead_bytes = _OVERHEAD_BYTES + driver_bytes
        limit(spec.memory_bytes, spec.cpus, spec.timeout_seconds, overhead_bytes, held_files=files)
        elsewhere = any(table.source.elsewhere for table in spec.tables)
        brought = folders.work / TABLES
        staging = Staging(brought, handed, table_bytes, spec.timeout_seconds) if elsewhere else None
        write_end(folders.work / END, run_query(folders, spec, spill_bytes, staging=staging))
    except MemoryError:
        write_end(folders.work / END, End(QueryFailure.RESOURCES, _memory_message(spec)))


if __name__ == "__main__":
    main()
