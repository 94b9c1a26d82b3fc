"""The door: bytes in and out, for clients that come while there is nobody behind it yet, too."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from whiteroom.s3_server.front import Front


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def front(listener: socket.socket, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "whiteroom.s3_server.front", str(listener.fileno()), str(tmp_path / "s")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(listener.fileno(),)) as front:
        yield front
        front.kill()


def echo(path: Path) -> socket.socket:
    """Something behind the door that says what it hears, turned round."""
    behind = socket.socket(socket.AF_UNIX)
    behind.bind(str(path))
    behind.listen()

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):  # one that was ended
            heard = b""
            while piece := connection.recv(65_536):
                heard += piece
            connection.sendall(heard[::-1])

    def accept() -> None:
        while True:
            try:
                connection, _ = behind.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return behind


def say(listener: socket.socket, said: bytes) -> bytes:
    with socket.create_connection(listener.getsockname(), timeout=30) as client:
        client.sendall(said)
        client.shutdown(socket.SHUT_WR)
        heard = b""
        while piece := client.recv(65_536):
            heard += piece
        return heard


def test_bytes_go_in_and_come_out(listener: socket.socket, front: subprocess.Popen[bytes], tmp_path: Path) -> None:
    with echo(tmp_path / "s"):
        said = os.urandom(3_000_000)
        assert say(listener, said) == said[::-1]
        assert say(listener, b"again") == b"niaga"


def test_who_comes_while_nobody_answers_waits(
    listener: socket.socket, front: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    heard: list[bytes] = []
    waiting = threading.Thread(target=lambda: heard.append(say(listener, b"early")))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    with echo(tmp_path / "s"):
        waiting.join(30)
    assert heard == [b"ylrae"]


def test_of_too_many_connections_the_one_that_is_idle_longest_is_ended(listener: socket.socket, tmp_path: Path) -> None:
    async def ask() -> tuple[bytes, bytes]:
        server = await asyncio.start_server(Front(str(tmp_path / "s"), limit=2).meet, sock=listener)
        clients = [await asyncio.open_connection(*listener.getsockname()) for _ in range(3)]
        ended = await clients[0][0].read()
        reader, writer = clients[2]
        writer.write(b"new")
        writer.write_eof()
        said = await reader.read()
        for _, each in clients:
            each.close()
        server.close()
        return ended, said

    with echo(tmp_path / "s"):
        assert asyncio.run(ask()) == (b"", b"wen")


@contextlib.contextmanager
def met(listener: socket.socket, path: Path, limit: int) -> Iterator[None]:
    """A front with that limit, on a thread of its own."""
    stops: list[Callable[[], object]] = []

    async def meet() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        await asyncio.start_server(Front(str(path), limit=limit).meet, sock=listener)
        await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(meet(),))
    thread.start()
    try:
        yield
    finally:
        stops[0]()
        thread.join(60)


def test_who_opens_connections_without_end_ends_nobody_elses(listener: socket.socket, tmp_path: Path) -> None:
    """Not even one over which nothing has gone for longest."""
    where = listener.getsockname()
    with echo(tmp_path / "s"), met(listener, tmp_path / "s", limit=5), contextlib.ExitStack() as opened:
        other = opened.enter_context(socket.create_connection(where, 60, ("127.0.0.2", 0)))
        flood = [opened.enter_context(socket.create_connection(where, 60)) for _ in range(40)]
        for one in flood[:-4]:
            with contextlib.suppress(ConnectionError):
                assert one.recv(1) == b""
        other.sendall(b"still there")
        other.shutdown(socket.SHUT_WR)
        assert b"".join(iter(lambda: other.recv(100), b"")) == b"ereht llits"


def test_it_ends_with_whoever_started_it(front: subprocess.Popen[bytes]) -> None:
    assert front.stdin is not None
    front.stdin.close()
    assert front.wait(30) == 0
