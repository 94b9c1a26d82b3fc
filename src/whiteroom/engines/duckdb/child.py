"""The process that runs one query: a supervisor, and forked from it a worker that runs the guard and the query.

python -m whiteroom.engines.duckdb.child SPILL_BYTES    (in the query's folder, with an empty environment)
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from whiteroom.domain.execution.queries import QueryFailure, QuerySpec
from whiteroom.engines.duckdb.specs import END, SPILL, Folders, read_folders, read_spec, write_end
from whiteroom.processes.supervising import Death, limit, supervise

_RECURSION_LIMIT = 3_000
"""Deep enough for any query a person writes; each level costs the heap, not the stack."""
_OVERHEAD_BYTES = 1 << 30
"""Address space that DuckDB maps beside the memory it uses."""


def main() -> None:
    """Run the query of the working directory to its end."""
    spec, folders = read_spec(Path.cwd()), read_folders(Path.cwd())
    death = supervise(lambda: _work(folders, spec, spill_bytes=int(sys.argv[1])), spec.timeout_seconds)
    # Before anything is written: they may have filled the disk.
    shutil.rmtree(folders.partial, ignore_errors=True)
    shutil.rmtree(folders.work / SPILL, ignore_errors=True)
    # The worker writes its own end; what is missing died before it could.
    if death is not Death.OF_ITSELF and not (folders.work / END).exists():
        write_end(folders.work / END, *_failure(death, spec))


def _failure(death: Death, spec: QuerySpec) -> tuple[QueryFailure, str]:
    if death is Death.TIME:
        return QueryFailure.TIMEOUT, f"The query ran for {spec.timeout_seconds:,} seconds, its limit, without an end."
    if death is Death.MEMORY:
        return QueryFailure.RESOURCES, _memory_message(spec)
    return QueryFailure.PLATFORM, "The query's process failed; the operator finds the cause in its log."


def _memory_message(spec: QuerySpec) -> str:
    gigabytes = spec.memory_bytes / 10**9
    return f"The query needs more than its {gigabytes:.1f} GB of memory. Use a larger worker, or read fewer columns."


def _work(folders: Folders, spec: QuerySpec, spill_bytes: int) -> None:
    """Run the query and write down how it ended."""
    sys.setrecursionlimit(_RECURSION_LIMIT)
    try:
        # Imported here: the supervisor stays small.
        from whiteroom.engines.duckdb.worker import run_query  # noqa: PLC0415

        limit(spec.memory_bytes, spec.cpus, spec.timeout_seconds, _OVERHEAD_BYTES)
        write_end(folders.work / END, *run_query(folders, spec, spill_bytes))
    except MemoryError:
        write_end(folders.work / END, QueryFailure.RESOURCES, _memory_message(spec))


if __name__ == "__main__":
    main()
