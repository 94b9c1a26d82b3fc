"""Processes that the supervisor has started itself.

Imported by the supervisor: nothing slow to import.
"""

from __future__ import annotations

import os
import time

_REAP_SECONDS, _REAP_LOOK_SECONDS = 2.0, 0.005


def signal_child(pid: int, number: int) -> None:
    """Signal a child of ours, unless it has ended: its number may be another's once it is reaped."""
    try:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            os.kill(pid, number)
    except (ChildProcessError, ProcessLookupError):
        return


def reap_all(*, forever: bool) -> None:
    """Wait for every child. Not `forever` where one does not die, and is none of the run's."""
    until = time.monotonic() + _REAP_SECONDS
    while forever or time.monotonic() < until:
        try:
            pid, _ = os.waitpid(-1, 0 if forever else os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            time.sleep(_REAP_LOOK_SECONDS)
