"""What lends channels goes on answering, whatever goes wrong beside it."""

from __future__ import annotations

import errno
import io
import json
import socket
import sys
from collections.abc import Iterator

import pytest

from whiteroom.data.s3.lender import Reporter
from whiteroom.data.s3.ranges import Unreadable


class Full(io.StringIO):
    """A log on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", text)


@pytest.fixture
def connection() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_a_program_is_told_what_cannot_be_read_where_the_operators_log_takes_nothing(
    connection: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Full())
    Reporter(connection[0])("part-0", Unreadable("gone", "s3://bucket/object is gone", may_pass=False))
    said = json.loads(connection[1].recv(4096))
    assert said == {"message": "part-0 cannot be read: gone.", "may_pass": False}
