"""Makes a process that the server has forked a supervisor on its own.

Imported by the supervisor: nothing slow to import.
"""

from __future__ import annotations

# The module signal takes 6 ms to import, as it makes enumerations.
import _signal  # type: ignore[import-not-found]
import os
import resource


def detach(folder: str, lock: int) -> None:
    """Make this process the supervisor of the run in `folder`, on its own from now on.

    Args:
        folder: becomes the current folder.
        lock: the descriptor of the run's lock, the highest that is ours.
    """
    os.setsid()
    # What the server has open is not ours to keep: its sockets would outlive it.
    os.closerange(lock + 1, 65_536)
    os.set_inheritable(lock, False)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    _signal.signal(_signal.SIGHUP, _signal.SIG_IGN)
    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
    _signal.signal(_signal.SIGTERM, _signal.SIG_IGN)
    os.chdir(folder)
    os.umask(0o022)
