"""Whatever answers at a database's address, the server has its answer within a bounded time."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from whiteroom.databases.asking import Databases
from whiteroom.databases.child import MEMORY_BYTES
from whiteroom.databases.connections import Connection, parse_connection
from whiteroom.databases.refusals import DatabaseRefused, DatabaseUnreachable
from whiteroom.domain.privacy.relations import Relation

ROWS = Relation("clinic", "public", "rows")
CONNECTION = parse_connection("postgresql://u@127.0.0.1/c", "p")


@contextlib.contextmanager
def answering(answer: bytes | None, goes_on: bytes = b"") -> Iterator[Connection]:
    """Something that takes connections, and answers with these bytes, and others without an end; None keeps silent."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        taken: list[socket.socket] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near, _ = listening.accept()
                    taken.append(near)
                    if answer is not None:
                        near.recv(4096)
                        near.sendall(answer)
                        with contextlib.suppress(OSError):
                            while goes_on:
                                near.sendall(goes_on)
                        near.close()

        threading.Thread(target=serve, daemon=True).start()
        yield replace(CONNECTION, port=listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
        for one in taken:
            one.close()


def look(connection: Connection, seconds: float = 30) -> None:
    Databases(lambda *_: connection, seconds).look("111122223333", ROWS)


def test_a_database_that_keeps_silent_is_not_waited_for() -> None:
    with answering(None) as connection, pytest.raises(DatabaseUnreachable, match="does not answer within 2 seconds"):
        look(connection, 2)


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n\r\nhello", b"R\xff\xff\xff\xff", os.urandom(4096)])
def test_what_is_no_database_is_told_in_a_sentence(answer: bytes) -> None:
    with answering(answer) as connection, pytest.raises((DatabaseUnreachable, DatabaseRefused), match=r"\.$"):
        look(connection)


def message(kind: bytes, body: bytes) -> bytes:
    """Of PostgreSQL's protocol."""
    return kind + struct.pack("!I", len(body) + 4) + body


LET_IN = message(b"R", bytes(4)) + message(b"Z", b"I")
NOTICE = message(b"N", b"SNOTICE\0M" + b"x" * 60_000 + b"\0\0")
DESCRIBED = message(b"1", b"") + message(b"t", bytes(2))
DESCRIBED += message(b"T", b"\0\1a\0" + struct.pack("!IHIHIH", 0, 0, 25, 65535, 0xFFFFFFFF, 0))
ROW = message(b"D", b"\0\1" + struct.pack("!I", 1_000_000) + b"x" * 1_000_000)


@pytest.mark.parametrize(("begin", "goes_on"), [(LET_IN + DESCRIBED, ROW), (LET_IN, NOTICE)])
def test_a_database_that_answers_without_an_end_takes_no_more_than_a_bounded_memory(
    begin: bytes, goes_on: bytes
) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
    with answering(begin, goes_on) as connection, pytest.raises(DatabaseUnreachable, match=r"\.$"):
        look(connection, 8)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10 <= max(before, MEMORY_BYTES)


def test_a_connection_that_is_not_there_is_named_with_what_makes_it() -> None:
    with pytest.raises(DatabaseRefused, match="whiteroom connections add --account 111122223333 clinic"):
        Databases(lambda *_: None).look("111122223333", ROWS)
