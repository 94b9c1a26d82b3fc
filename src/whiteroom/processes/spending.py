"""Measures from outside what a worker takes of the machine, and keeps it in a file of the worker's folder.

The file is replaced whole every few seconds and at the worker's end, and says what all workers of the folder took: one
that is started again, since the machine died, goes on from what the file says.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from whiteroom.base.documents import NoDocument, from_document
from whiteroom.domain.execution.spending import NOTHING_SPENT, Spent
from whiteroom.processes.children import read_json, write_json

SPENT = "spent.json"
"""Name inside a child's folder."""
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_KIB = 1024


def read_spent(folder: Path) -> Spent:
    """What the workers of that folder took so far; nothing where it does not say."""
    try:
        return from_document(Spent, read_json(folder / SPENT))
    except (FileNotFoundError, ValueError, NoDocument):
        return NOTHING_SPENT


class WorkerMeter:
    """Measures one worker, from its start on."""

    def __init__(self, folder: Path, pid: int, now: float) -> None:
        self._folder = folder
        self._pid = pid
        self._before = read_spent(folder)
        self._began = self._looked = now
        self._cpu_seconds = 0.0
        self._byte_seconds = 0.0
        self._memory_bytes = 0

    def look(self, now: float) -> None:
        """Measure a worker that lives, and write it down."""
        with suppress(OSError, ValueError, IndexError):
            # The name in parentheses may hold anything.
            fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
            cpu_seconds = sum(map(int, fields[11:13])) / _TICKS
            self._hold(int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * _PAGE_BYTES, now)
            self._cpu_seconds = max(self._cpu_seconds, cpu_seconds)
        self._write(now)

    def end(self, now: float, cpu_seconds: float, peak_kib: int) -> None:
        """Write down what one took that has ended, as the kernel counted it.

        Args:
            now: the time.
            cpu_seconds: all of it.
            peak_kib: the most memory that it ever held: taken for all of its time where it was never looked at.
        """
        self._hold(self._memory_bytes or peak_kib * _KIB, now)
        self._cpu_seconds = max(self._cpu_seconds, cpu_seconds)
        self._write(now)

    def _hold(self, memory_bytes: int, now: float) -> None:
        self._byte_seconds += memory_bytes * (now - self._looked)
        self._looked, self._memory_bytes = now, memory_bytes

    def _write(self, now: float) -> None:
        spent = self._before + Spent(now - self._began, self._cpu_seconds, self._byte_seconds)
        with suppress(OSError):  # a full disk must not end the query
            write_json(self._folder / SPENT, asdict(spent))
