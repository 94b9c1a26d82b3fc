"""A supervisor before it has a run: everything is imported, and it waits at a socket (processes/prestarted.py)."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress

# What a run needs later, and would otherwise be imported beside its program's own start.
from whiteroom.runtime.supervisor import logs, usage, watch  # noqa: F401

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_FOLDER_BYTES = 1 << 16
_TAKEN = b"t"
"""See processes/prestarted.py."""


def stand_by(main: Callable[[str, int], None], channel: int) -> None:
    """Wait for a run and become its supervisor; end where none comes any more.

    Args:
        main: takes the run's folder and the descriptor of its lock, the highest that is ours.
        channel: the socket, and afterwards the lock's descriptor.
    """
    # A keyboard's interrupt is the server's; that ends, and this with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=channel) as waiting:
        folder, handles, _, _ = socket.recv_fds(waiting, _FOLDER_BYTES, 2)
        if not folder:
            os._exit(0)
        with suppress(OSError):  # a server that is gone starts no other, nor does the next one as long as we live
            waiting.send(_TAKEN)
    lock, log = handles
    os.dup2(log, 1)
    os.dup2(log, 2)
    if lock != channel:
        os.dup2(lock, channel, inheritable=False)
    main(os.fsdecode(folder), channel)
