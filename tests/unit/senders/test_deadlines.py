"""The end of a conversation, whatever its socket is at by then."""

from __future__ import annotations

import socket
import threading

import pytest

from whiteroom.senders.deadlines import ended_after


def test_a_socket_that_is_in_nobodys_hands_when_the_time_is_over_is_ended_once_it_is_back() -> None:
    near, far = socket.socketpair()
    back: list[socket.socket] = []
    looked = threading.Event()

    def connection() -> socket.socket | None:
        found = back[0] if back else None
        looked.set()
        return found

    def converse() -> bytes:
        assert looked.wait(60)
        back.append(near)
        return near.recv(1)

    heard: list[bytes] = []
    with near, far:
        near.settimeout(10)
        with pytest.raises(TimeoutError), ended_after(0.01, connection):
            heard.append(converse())
    assert heard == [b""]
