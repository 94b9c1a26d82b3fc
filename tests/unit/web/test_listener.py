from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest

from whiteroom.web.listener import MetricsListener
from whiteroom.web.openmetrics import MEDIA_TYPE


@contextmanager
def listening(render: Callable[[], bytes]) -> Iterator[MetricsListener]:
    listener = MetricsListener("127.0.0.1", 0, render)
    try:
        yield listener
    finally:
        listener.close()


def ask(listener: MetricsListener, method: str, path: str) -> tuple[int, str | None, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", listener.port, timeout=10)) as connection:
        connection.request(method, path, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), answer.read()


def test_prometheus_is_answered_in_its_own_format() -> None:
    with listening(lambda: b"# EOF\n") as listener:
        assert ask(listener, "GET", "/metrics") == (200, MEDIA_TYPE, b"# EOF\n")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/health", 404), ("POST", "/metrics", 501)]
)
def test_there_is_nothing_else(method: str, path: str, status: int) -> None:
    with listening(lambda: b"# EOF\n") as listener:
        assert ask(listener, method, path)[0] == status


def test_an_error_tells_nothing_and_the_next_answer_comes(caplog: pytest.LogCaptureFixture) -> None:
    answers = [RuntimeError("the password is swordfish"), None]

    def render() -> bytes:
        if (error := answers.pop(0)) is not None:
            raise error
        return b"# EOF\n"

    with listening(render) as listener:
        status, _, body = ask(listener, "GET", "/metrics")
        assert status == 500
        assert b"swordfish" not in body
        assert "swordfish" in caplog.text
        assert ask(listener, "GET", "/metrics")[0] == 200


def test_whoever_asks_the_text_is_made_in_the_same_thread() -> None:
    with listening(lambda: str(threading.get_ident()).encode()) as listener:
        assert len({ask(listener, "GET", "/metrics")[2] for _ in range(5)}) == 1


def test_who_connects_and_says_nothing_keeps_nobody_waiting() -> None:
    with (
        listening(lambda: b"# EOF\n") as listener,
        socket.create_connection(("127.0.0.1", listener.port), timeout=10),
    ):
        assert ask(listener, "GET", "/metrics")[0] == 200


def test_an_address_that_is_taken_is_an_error() -> None:
    with listening(lambda: b"") as listener, pytest.raises(OSError, match="in use"):
        MetricsListener("127.0.0.1", listener.port, lambda: b"")
