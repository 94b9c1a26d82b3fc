"""An end to a conversation that a receiver might draw out, byte by byte, under any time limit of one answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_MOST_ADDRESSES = 4
"""Of one name."""
_AGAIN_SECONDS = 0.2


def connected(host: str, port: int, seconds: float) -> socket.socket:
    """A connection that is made within these seconds, of however many addresses a name has.

    Each part of an answer has as long.

    Raises:
        OSError: there is none.
    """
    end = time.monotonic() + seconds
    problem: OSError | None = None
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[:_MOST_ADDRESSES]:
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(max(end - time.monotonic(), 0.001))
            made.connect(address)
            made.settimeout(seconds)
        except OSError as error:
            made.close()
            problem = error
        else:
            return made
    raise problem or OSError(f"{host} has no address")


@contextmanager
def ended_after(seconds: float, connection: Callable[[], socket.socket | None]) -> Iterator[None]:
    """Shut a socket down once the time is over: what waits for it is woken by an error.

    Args:
        seconds: from now.
        connection: which socket it is by then; None where there is none.

    Raises:
        TimeoutError: it came to that. What was read by then is cut off, and may look like an answer.
    """
    is_over, is_left = threading.Event(), threading.Event()

    def end() -> None:
        if is_left.wait(seconds):
            return
        is_over.set()
        # Again and again: while keys are agreed on the socket is in nobody's hands, and is back in them afterwards.
        while not is_left.is_set():
            found = connection()
            if found is not None:
                with suppress(OSError):
                    # Below TLS, which another thread may be at work in.
                    socket.socket.shutdown(found, socket.SHUT_RDWR)
            is_left.wait(_AGAIN_SECONDS)

    timer = threading.Thread(target=end, name="deadline", daemon=True)
    timer.start()
    try:
        yield
    except Exception:
        if is_over.is_set():
            raise TimeoutError from None
        raise
    finally:
        is_left.set()
        timer.join()
    if is_over.is_set():
        raise TimeoutError
