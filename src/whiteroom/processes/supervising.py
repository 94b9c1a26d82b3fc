"""How a child process watches its worker: a supervisor, and forked from it the worker under limits.

The supervisor imports nothing heavy and does nothing but wait: it kills the worker at its time limit and knows how
it ended, also where the kernel ended it. Both hold the lock, an open file that they inherit; while it is held the
child is alive. The worker dies with its supervisor.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import NoReturn

from whiteroom.processes.children import PID
from whiteroom.processes.spending import WorkerMeter

_PR_SET_PDEATHSIG = 1
_FIRST_LOOK_SECONDS = 0.1
LOOK_SECONDS = 5.0
"""How often a worker is measured: what a machine that dies takes with it is no more than that."""
_OVERHEAD_BYTES_PER_CPU = 256 << 20
"""Address space that is mapped beside the memory that is used: allocator arenas and thread stacks."""
_OPEN_FILES = 4_096


class Death(Enum):
    """How a worker ended."""

    OF_ITSELF = "of itself"
    """It did its work, and returned."""
    TIME = "time"
    """It was killed at its limit of time."""
    MEMORY = "memory"
    """It was killed at its limit of memory."""
    FAULT = "fault"
    """It raised, or was killed by a signal that nobody here sent."""


def supervise(work: Callable[[], None], timeout_seconds: int) -> Death:
    """Run `work` in a process of its own and wait for its end. What it raises is printed."""
    (Path.cwd() / PID).write_text(str(os.getpid()))
    worker = os.fork()
    if worker == 0:
        _work(work)
    meter = WorkerMeter(Path.cwd(), worker, time.monotonic())
    in_time = _watched(worker, timeout_seconds, meter)
    if not in_time:
        os.kill(worker, signal.SIGKILL)
    _, status, taken = os.wait4(worker, 0)
    meter.end(time.monotonic(), taken.ru_utime + taken.ru_stime, taken.ru_maxrss)
    if not in_time:
        return Death.TIME
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in {signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV}:
        return Death.MEMORY
    return Death.FAULT if status else Death.OF_ITSELF


def _watched(worker: int, timeout_seconds: int, meter: WorkerMeter) -> bool:
    """Whether the worker ended in its time. It is measured meanwhile, at first often."""
    handle = os.pidfd_open(worker)
    until, pause = time.monotonic() + timeout_seconds, _FIRST_LOOK_SECONDS
    try:
        while (left := until - time.monotonic()) > 0:
            if select.select([handle], [], [], min(left, pause))[0]:
                return True
            meter.look(time.monotonic())
            pause = min(2 * pause, LOOK_SECONDS)
        return bool(select.select([handle], [], [], 0)[0])
    finally:
        os.close(handle)


def limit(memory_bytes: int, cpus: int, timeout_seconds: int, overhead_bytes: int, *, held_files: int = 0) -> None:
    """Limit this process: memory beyond what it has mapped now, processor time, open files; no core dumps.

    With `held_files` it may have so many files open at once beside those that any may, as far as the machine allows.
    """
    with Path("/proc/self/statm").open() as file:
        mapped_bytes = int(file.read().split()[0]) * resource.getpagesize()
    for kind, value in (
        (resource.RLIMIT_AS, mapped_bytes + memory_bytes + overhead_bytes + cpus * _OVERHEAD_BYTES_PER_CPU),
        (resource.RLIMIT_CPU, timeout_seconds * (cpus + 1) + 60),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES + held_files),
    ):
        _, hard = resource.getrlimit(kind)
        granted = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (granted, granted))


def _work(work: Callable[[], None]) -> NoReturn:
    """The worker's exit status is 0 where it wrote an end."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        work()
    except BaseException:  # noqa: BLE001 -- whatever it is, the supervisor must learn of it and the operator read it
        with suppress(OSError):  # a full disk
            traceback.print_exc()
            sys.stderr.flush()
        os._exit(1)
    os._exit(0)
