"""Prestarted supervisors: Python runs and everything is imported before there is a run.

A third of a second of two busy cores, or 40 ms of idle ones, stand between a process and its first line of Python
that does something. A spare waits at a socket for the folder of a run, and for nothing else; it ends with the server.
The other end: runtime/supervisor/standby.py.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import threading
import weakref
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import whiteroom
from whiteroom.processes.children import reaped

LOCK_FD = 3
"""Where a supervisor finds its run's lock, and a spare its socket."""
REST_SECONDS = 0.25
TAKE_SECONDS = 5.0
"""How long a spare has to take a run: it does nothing else."""
DEATH_SECONDS = 2.0
TAKEN = b"t"
"""What it answers."""
_OPTIONS = ("-I", "-S")
_BOOT = "import sys; sys.path.append({home!r}); from {module} import main; main(sys.argv[1], {lock})"
_STAND_BY = (
    "import sys; sys.path.append({home!r}); from {module} import main; "
    "from whiteroom.runtime.supervisor.standby import stand_by; stand_by(main, {lock})"
)


def start(module: str, environment: Mapping[str, str], folder: str, lock: int, log: int) -> None:
    """Start a supervisor for the run in `folder`.

    Args:
        module: its `main` takes the folder and the lock's descriptor.
        environment: all of its variables.
        folder: the run's.
        lock: the run's lock, which it takes over.
        log: takes what it writes.
    """
    _reaped(_spawn(_BOOT, module, environment, [folder], log, lock))


def _spawn(boot: str, module: str, environment: Mapping[str, str], arguments: list[str], log: int, kept: int) -> int:
    home = str(Path(whiteroom.__file__).parent.parent)
    code = boot.format(home=home, module=module, lock=LOCK_FD)
    return os.posix_spawn(
        sys.executable,
        [sys.executable, *_OPTIONS, "-c", code, *arguments],
        dict(environment),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, log, 1),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            (os.POSIX_SPAWN_DUP2, kept, LOCK_FD),
        ],
    )


def _reaped(pid: int) -> None:
    reaped(partial(os.waitpid, pid, 0))


class Prestarted:
    """One supervisor that stands by."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            pid = _spawn(_STAND_BY, module, environment, [], null, theirs.fileno())
            os.close(null)
        # Before anybody waits for it: the id is still its own.
        self._process = os.pidfd_open(pid)
        _reaped(pid)
        weakref.finalize(self, os.close, self._process)
        self._channel = ours.detach()
        # Its end of the socket shows it that nobody needs it any more.
        self._close = weakref.finalize(self, os.close, self._channel)

    def hand(self, folder: Path, lock: int, log: int) -> bool:
        """Give it a run. False if it did not take it and is dead; if it dies later, the run's lock is free again."""
        with socket.socket(fileno=os.dup(self._channel)) as channel:
            self._close()
            try:
                socket.send_fds(channel, [os.fsencode(folder)], [lock, log])
                channel.settimeout(TAKE_SECONDS)
                taken = channel.recv(1) == TAKEN
            except OSError:
                taken = False
        return taken or not self._killed()

    def _killed(self) -> bool:
        """Kill one that does not answer, stopped or hanging; whether it can do nothing any more."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._process, signal.SIGKILL)
        poller = select.poll()
        poller.register(self._process, select.POLLIN)
        return bool(poller.poll(DEATH_SECONDS * 1000))


class PrestartedPool:
    """At most one spare. Safe from any thread."""

    def __init__(self, module: str, environment: Mapping[str, str]) -> None:
        """Stand ready to make one, with what `start` takes."""
        self._module, self._environment = module, environment
        self._lock = threading.Lock()
        self._spare: Prestarted | None = None

    def take(self) -> Prestarted | None:
        """The spare, which is the caller's now; another stands by soon."""
        with self._lock:
            spare, self._spare = self._spare, None
        # Not at once: the run that is just starting has a better use for the processors.
        later = threading.Timer(REST_SECONDS, _refill, [weakref.ref(self)])
        later.daemon = True
        later.start()
        return spare

    def refill(self) -> None:
        """Make one where there is none."""
        with self._lock:
            if self._spare is None:
                self._spare = Prestarted(self._module, self._environment)


def _refill(wanted: weakref.ref[PrestartedPool]) -> None:
    """Make a spare for those who are still there to take it."""
    spares = wanted()
    if spares is not None:
        spares.refill()
