"""Exchanges with servers that are slow, odd or hostile."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest

from support.patience import stretch
from unit.runtime.transform.conftest import Exchange
from unit.runtime.transform.servers import Model, answering, serving
from whiteroom.runtime.transform.jobs import MB


def test_a_server_that_sends_head_and_body_apart_is_not_made_to_wait_for_an_acknowledgement(exchange: Exchange) -> None:
    exchange.put(**{f"f{n:02}": b"x\n" for n in range(40)})
    started = time.monotonic()
    with serving(Model()) as port:
        assert exchange.run(port, header=False).ok
    assert time.monotonic() - started < 40 * 0.04 * stretch(), "each answer waited for the delayed acknowledgement"


def test_a_redirect_is_not_followed(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    model = Model(status=lambda body: 307)
    with serving(model) as port:
        assert "HTTP status 307" in exchange.run(port).message
    assert len(model.bodies) == 1


def _deaf(peer: socket.socket) -> None:
    time.sleep(1.5)


@pytest.mark.parametrize("behaviour", ["drip", "deaf"])
def test_a_stop_is_heeded_however_the_server_spends_the_time(exchange: Exchange, behaviour: str) -> None:
    exchange.put(a=b"x" * 20 * MB)
    stop = threading.Event()
    exchange.stopping = stop.is_set
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    # The one answers byte by byte for ever, the other does not even read what it is sent.
    with answering(_drip if behaviour == "drip" else _deaf, reads=behaviour == "drip") as port:
        started = time.monotonic()
        outcome = exchange.run(port, header=False, max_payload_mb=20, response_timeout_seconds=60)
        took = time.monotonic() - started
    timer.join()
    assert outcome.message == "The transform was stopped."
    assert took < 1.4


def _nothing(peer: socket.socket) -> None:
    while peer.recv(4096):
        pass


def _drip(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        peer.sendall(b".")
        time.sleep(0.02)


def _for_ever(head: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    def invocation(peer: socket.socket) -> None:
        peer.sendall(head)
        while True:
            peer.sendall(piece)

    return invocation


def _once(answer: bytes) -> Callable[[socket.socket], None]:
    return lambda peer: peer.sendall(answer)


HOSTILE: dict[str, tuple[Callable[[socket.socket], None], str]] = {
    "nothing": (_nothing, "no whole answer came within the time allowed (4 tries)"),
    "drip": (_drip, "no whole answer came within the time allowed (4 tries)"),
    "close": (lambda peer: None, "closed before an answer came (4 tries)"),
    "half": (_once(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), "not a whole HTTP answer (4 tries)"),
    "half chunked": (
        _once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf"),
        "not a whole HTTP answer (4 tries)",
    ),
    "no last chunk": (
        _once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"),
        "not a whole HTTP answer (4 tries)",
    ),
    "garbage chunk": (
        _once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhalf\r\n"),
        "not a whole HTTP answer (4 tries)",
    ),
    "garbage": (_once(b"\x00\xff\r\n\r\n" * 10), "not a whole HTTP answer (4 tries)"),
    "informational flood": (_for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "beyond what is taken"),
    "header flood": (_for_ever(b"HTTP/1.1 200 OK\r\n", b"X-Y: z\r\n"), "not a whole HTTP answer"),
    "one long header": (_for_ever(b"HTTP/1.1 200 OK\r\nX:", b"x" * 4096), "not a whole HTTP answer"),
    "body for ever": (_for_ever(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536), "larger than the 3,145,728 bytes"),
    "chunks for ever": (
        _for_ever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + b"x" * 0x4000 + b"\r\n"),
        "larger than the 3,145,728 bytes",
    ),
    "chunk extensions for ever": (
        _for_ever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;" + b"e" * 4000 + b"\r\nx\r\n"),
        "beyond what is taken",
    ),
    "switching protocols": (_once(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), "HTTP status 101"),
    "refused with a flood": (_for_ever(b"HTTP/1.1 400 Bad\r\n\r\n", b"x" * 65536), "HTTP status 400"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_server_fails_its_file_in_a_bounded_time(
    exchange: Exchange, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("whiteroom.runtime.transform.work.MAX_ANSWER_BYTES", 3 * MB)
    exchange.put(a=b"x\nsecret\n")
    invocation, reason = HOSTILE[name]
    started = time.monotonic()
    with answering(invocation) as port:
        outcome = exchange.run(port, response_timeout_seconds=0.4)
    assert time.monotonic() - started < 4 * stretch()
    assert reason in outcome.message
    assert "secret" not in outcome.message
    assert exchange.found() == {}


def test_an_answer_without_a_length_ends_with_the_connection(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    with answering(_once(b"HTTP/1.0 200 OK\r\n\r\nyes")) as port:
        assert exchange.run(port).ok
    assert exchange.found() == {"a.out": b"yes\n"}


def test_an_early_refusal_of_a_large_payload_is_reported_as_such(exchange: Exchange) -> None:
    exchange.put(a=b"x\n1\n")
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with answering(_once(refusal)) as port:
        assert "HTTP status 413" in exchange.run(port).message


def test_a_connection_that_the_server_closes_after_each_answer_is_opened_again(exchange: Exchange) -> None:
    exchange.put(**dict.fromkeys("abcdef", b"x\n1\n"))
    with answering(_once(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as port:
        outcome = exchange.run(port)
    assert outcome.ok
    assert len(outcome.files_written) == 6
