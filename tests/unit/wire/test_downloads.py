"""What stands in the headers of a file, and what comes of one that ends early."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from whiteroom.wire.downloads import Download, disposition, send_download


@pytest.mark.parametrize(
    ("name", "saved_as"),
    [
        ("model.tar.gz", "model.tar.gz"),
        ("sub/part-0.csv.out", "part-0.csv.out"),
        ("../../x", "x"),
        ("..", "file"),
        (".bashrc", "bashrc"),
        ('a"b\\c', "a_b_c"),
        ("a\r\nSet-Cookie: x", "a__Set-Cookie__x"),
        ("ä.csv", "_.csv"),
        ("con:aux", "con_aux"),
        ("x/", "file"),
    ],
)
def test_a_file_is_saved_under_the_last_part_of_its_name_and_nowhere_else(name: str, saved_as: str) -> None:
    assert disposition(name) == f'attachment; filename="{saved_as}"'


class Pieces:
    """A file that gives these, an error among them."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = list(pieces)
        self.closed = 0

    async def read(self, limit_bytes: int) -> bytes:
        piece = self.pieces.pop(0) if self.pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece

    async def close(self) -> None:
        self.closed += 1


def sent(file: Pieces, *, leaves_after: int | None = None) -> list[dict[str, Any]]:
    """What goes to a client, which leaves after so many messages."""
    messages: list[Any] = []
    left = asyncio.Event()

    async def send(message: Any) -> None:
        messages.append(message)
        if len(messages) == leaves_after:
            left.set()
        await asyncio.sleep(0)

    async def receive() -> dict[str, str]:
        await left.wait()
        return {"type": "http.disconnect"}

    asyncio.run(send_download(send, receive, Download(200, ((b"etag", b'"x"'),), file), "request-1"))
    return messages


def test_a_file_is_sent_piece_by_piece_and_closed() -> None:
    file = Pieces(b"1", b"2")
    start, *pieces = sent(file)
    assert (b"x-amzn-requestid", b"request-1") in start["headers"]
    assert [(piece["body"], piece["more_body"]) for piece in pieces] == [(b"1", True), (b"2", True), (b"", False)]
    assert file.closed == 1


def test_a_client_that_leaves_is_read_no_further_for() -> None:
    file = Pieces(*[b"1"] * 100)
    sent(file, leaves_after=3)
    assert len(file.pieces) >= 96
    assert file.closed == 1


def test_a_file_that_cannot_be_read_to_its_end_leaves_its_answer_unended_and_a_sentence_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = Pieces(b"1", OSError(5, "Input/output error"))
    _, *pieces = sent(file)
    assert [(piece["body"], piece["more_body"]) for piece in pieces] == [(b"1", True)]
    assert file.closed == 1
    assert "request-1 was cut short" in caplog.text
    assert "Traceback" not in caplog.text
