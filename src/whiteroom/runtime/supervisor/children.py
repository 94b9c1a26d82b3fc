"""Processes that the supervisor has started itself.

Imported by the supervisor: nothing slow to import.
"""

from __future__ import annotations

import os


def signal_child(pid: int, number: int) -> None:
    """Signal a child of ours, unless it has ended: its number may be another's once it is reaped."""
    try:
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            os.kill(pid, number)
    except (ChildProcessError, ProcessLookupError):
        return
