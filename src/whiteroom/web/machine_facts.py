"""How the server's machine does, read when the operator asks: for the console, as gauges.py is for Prometheus."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil

from whiteroom.domain.execution.instance_types import Shape
from whiteroom.ports.runtime import Runtime
from whiteroom.ports.store import Store


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """The machine at one moment."""

    looked_at: datetime
    shape: Shape
    load: float
    """How many programs wanted a CPU, on average of the last minute."""
    memory_used_bytes: int
    disk_bytes: int
    disk_free_bytes: int
    """That the server can still write."""
    runs: int
    """Of programs that hold something on this machine."""
    late_seconds: float
    """How long the work has been due that nobody does."""


def machine_facts(folder: Path, store: Store, runtime: Runtime, shape: Shape, now: datetime) -> MachineFacts:
    """As they are now. May take a while: on a thread."""
    disk = os.statvfs(folder)
    due_at = store.next_due_at()
    return MachineFacts(
        looked_at=now,
        shape=shape,
        load=os.getloadavg()[0],
        memory_used_bytes=psutil.virtual_memory().total - psutil.virtual_memory().available,
        disk_bytes=disk.f_blocks * disk.f_frsize,
        disk_free_bytes=disk.f_bavail * disk.f_frsize,
        runs=len(list(runtime.runs())),
        late_seconds=0.0 if due_at is None else max(0.0, (now - due_at).total_seconds()),
    )
