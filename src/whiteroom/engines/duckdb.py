"""The SQL engine that runs by default: DuckDB, one child process for each query.

A query's folder (`queries/ID`) holds all there is to know of it: `spec.json`, `end.json` once it
ended, and a lock that its processes hold while one of them lives. So the engine keeps nothing in
memory, and a server that starts again finds its queries as they are.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from whiteroom.domain.queries import QueryFailure, QueryObservation, QuerySpec
from whiteroom.domain.runs import Phase
from whiteroom.engines.specs import (
    BILL,
    END,
    LOG,
    SPEC,
    SPILL,
    partial_folder,
    read_bill,
    read_end,
    read_spec,
    write_end,
    write_spec,
)

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,127}")
_DEATH_SECONDS = 10.0
"""How long a killed process may take to give its memory back before `stop` stops waiting for it."""

_ABSENT = QueryObservation(Phase.ABSENT)
_RUNNING = QueryObservation(Phase.RUNNING)


class DuckDbEngine:
    """Implements ports.SqlEngine. Any number of engines, in any number of processes, may share a folder."""

    def __init__(self, folder: Path, spill_bytes: int = 100 * 10**9) -> None:
        """Keep queries below `folder`; each may put `spill_bytes` of intermediate rows on disk there."""
        self._spill_bytes = spill_bytes
        self._queries = folder.resolve() / "queries"
        self._queries.mkdir(parents=True, exist_ok=True, mode=0o700)

    def start(self, spec: QuerySpec) -> None:
        """Start the query unless it runs or has ended."""
        folder = self._folder(spec.id)
        folder.mkdir(mode=0o700, exist_ok=True)
        with _lock(folder) as lock:
            if lock is None or read_end(folder / END) is not None:
                return
            shutil.rmtree(partial_folder(spec), ignore_errors=True)
            write_spec(folder / SPEC, spec)
            _spawn(folder, lock, self._spill_bytes)

    def observe(self, query_id: str) -> QueryObservation:
        """What the query is doing now."""
        folder = self._folder(query_id)
        if not folder.is_dir():
            return _ABSENT
        with _lock(folder) as lock:
            seen = _RUNNING if lock is None else read_end(folder / END) or _ABSENT
        return replace(seen, bill=read_bill(folder / BILL))

    def stop(self, query_id: str) -> None:
        """Kill the query; one that has ended keeps its end."""
        folder = self._folder(query_id)
        if not folder.is_dir():
            return
        deadline = time.monotonic() + _DEATH_SECONDS
        while time.monotonic() < deadline:
            with _lock(folder) as lock:
                if lock is not None:
                    _record_stop(folder)
                    return
                _kill(folder)
            time.sleep(0.01)

    def forget(self, query_id: str) -> None:
        """Kill the query and free what it holds."""
        self.stop(query_id)
        shutil.rmtree(self._folder(query_id), ignore_errors=True)

    def queries(self) -> Iterable[str]:
        """Every query that still has a folder, in the order of their names."""
        return sorted(entry.name for entry in self._queries.iterdir() if _ID.fullmatch(entry.name))

    def _folder(self, query_id: str) -> Path:
        if not _ID.fullmatch(query_id):
            raise ValueError(f"{query_id!r} is not the id of a query.")
        return self._queries / query_id


@contextmanager
def _lock(folder: Path) -> Iterator[int | None]:
    """The query's lock, as a file descriptor; None where a process of the query, or another server, holds it."""
    try:
        handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        # Forgotten since we looked: nothing of it lives, and nothing is recorded.
        yield None
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        yield None
        return
    try:
        yield handle
    finally:
        os.close(handle)


def _spawn(folder: Path, lock: int, spill_bytes: int) -> None:
    """Start the child, which keeps the lock: it belongs to the open file that both share."""
    with (folder / LOG).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-m", "whiteroom.engines.child", str(spill_bytes)],
            cwd=folder,
            env={},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lock,),
            start_new_session=True,
        )
    (folder / "pid").write_text(str(process.pid))
    # Reaped as soon as it ends, so that no zombie outlives its query.
    threading.Thread(target=process.wait, daemon=True, name=f"reap-{process.pid}").start()


def _kill(folder: Path) -> None:
    """SIGKILL to the query's session. Only while its lock is held: the process id cannot have passed to another."""
    try:
        os.killpg(int((folder / "pid").read_text()), signal.SIGKILL)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        # Just started and not yet written down, or just gone: the caller looks again.
        return


def _record_stop(folder: Path) -> None:
    if read_end(folder / END) is None:
        write_end(folder / END, QueryFailure.STOPPED, "The query was stopped.")
    if (folder / SPEC).exists():
        shutil.rmtree(partial_folder(read_spec(folder / SPEC)), ignore_errors=True)
    shutil.rmtree(folder / SPILL, ignore_errors=True)
