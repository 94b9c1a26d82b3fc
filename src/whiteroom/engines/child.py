"""The process that runs one query: a supervisor and, forked from it, a worker under limits.

    python -m whiteroom.engines.child SPILL_BYTES    (in the query's folder, with an empty environment)

The supervisor imports nothing heavy and does nothing but wait: it kills the worker at its time
limit and writes down how it ended, also where the kernel ended it. The worker runs the guard and the query.
Both hold the lock, an open file that they inherit; while it is held the query is alive. The worker dies
with its supervisor.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import shutil
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path

from whiteroom.domain.queries import QueryFailure, QuerySpec
from whiteroom.engines.specs import END, SPEC, SPILL, partial_folder, read_spec, write_end

_PR_SET_PDEATHSIG = 1
_RECURSION_LIMIT = 3_000
"""Deep enough for any query a person writes; each level costs the heap, not the stack."""
_OVERHEAD_BYTES = 1 << 30
_OVERHEAD_BYTES_PER_CPU = 256 << 20
"""Address space that DuckDB maps beside the memory it uses: allocator arenas and thread stacks."""
_OPEN_FILES = 4_096


def main() -> None:
    """Run the query of the working directory to its end."""
    folder = Path.cwd()
    (folder / "pid").write_text(str(os.getpid()))
    spec = read_spec(folder / SPEC)
    worker = os.fork()
    if worker == 0:
        _work(folder, spec, spill_bytes=int(sys.argv[1]))
    failure = _wait(worker, spec)
    # Before anything is written: they may have filled the disk.
    shutil.rmtree(partial_folder(spec), ignore_errors=True)
    shutil.rmtree(folder / SPILL, ignore_errors=True)
    # The worker writes its own end; what is missing died before it could.
    if failure is not None and not (folder / END).exists():
        write_end(folder / END, *failure)


def _wait(worker: int, spec: QuerySpec) -> tuple[QueryFailure, str] | None:
    handle = os.pidfd_open(worker)
    ready, _, _ = select.select([handle], [], [], spec.timeout_seconds)
    if not ready:
        os.kill(worker, signal.SIGKILL)
        os.waitpid(worker, 0)
        return QueryFailure.TIMEOUT, f"The query ran for {spec.timeout_seconds:,} seconds, its limit, without an end."
    _, status = os.waitpid(worker, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in {signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV}:
        return QueryFailure.RESOURCES, _memory_message(spec)
    if status:
        return QueryFailure.PLATFORM, "The query's process failed; the operator finds the cause in its log."
    return None


def _memory_message(spec: QuerySpec) -> str:
    gigabytes = spec.memory_bytes / 10**9
    return f"The query needs more than its {gigabytes:.1f} GB of memory. Use a larger worker, or read fewer columns."


def _work(folder: Path, spec: QuerySpec, spill_bytes: int) -> None:
    """Never returns: the worker's exit status is 0 where it wrote an end."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        sys.setrecursionlimit(_RECURSION_LIMIT)
        # Imported here: the supervisor stays small.
        from whiteroom.engines.worker import run_query  # noqa: PLC0415

        _limit(spec)
        end, message = run_query(folder, spec, spill_bytes)
        write_end(folder / END, end, message)
    except MemoryError:
        write_end(folder / END, QueryFailure.RESOURCES, _memory_message(spec))
    except BaseException:  # noqa: BLE001 -- whatever it is, the supervisor must learn of it and the operator read it
        with suppress(OSError):  # a full disk
            traceback.print_exc()
            sys.stderr.flush()
        os._exit(1)
    os._exit(0)


def _limit(spec: QuerySpec) -> None:
    with Path("/proc/self/statm").open() as file:
        mapped_bytes = int(file.read().split()[0]) * resource.getpagesize()
    space_bytes = mapped_bytes + spec.memory_bytes + _OVERHEAD_BYTES + spec.cpus * _OVERHEAD_BYTES_PER_CPU
    cpu_seconds = spec.timeout_seconds * (spec.cpus + 1) + 60
    for limit, value in (
        (resource.RLIMIT_AS, space_bytes),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        _, hard = resource.getrlimit(limit)
        granted = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (granted, granted))


if __name__ == "__main__":
    main()
