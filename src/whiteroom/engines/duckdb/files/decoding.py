"""Text in another encoding, as the UTF-8 that DuckDB reads."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from whiteroom.domain.privacy.readings import ENCODINGS

_CHUNK_BYTES = 1 << 20
_UTF_8, _UTF_16 = "utf-8", "utf-16"
_MARKS = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"), (codecs.BOM_UTF8, "utf-8"))
_LATIN = "Latin-1 or Windows-1252"


class NotOfEncoding(Exception):
    """Bytes that mean nothing in the encoding. The message says where, in words that go behind a file's name."""


def decoded(stream: BinaryIO, encoding: str, errors: str = "strict") -> Iterator[bytes]:
    """The text of a stream in UTF-8, in pieces.

    Args:
        stream: at its beginning.
        encoding: of readings.ENCODINGS; empty for UTF-8.
        errors: what becomes of bytes that mean nothing: "strict" or "replace".

    Raises:
        NotOfEncoding: strictly, there are some.
        OSError: the stream cannot be read.
    """
    chunk = stream.read(_CHUNK_BYTES)
    codec = ENCODINGS.get(encoding, _UTF_8)
    for mark, order in _MARKS:
        if chunk.startswith(mark) and order.startswith(codec[: len(_UTF_16)]):
            codec, chunk = order, chunk[len(mark) :]
    if codec == _UTF_16:
        raise NotOfEncoding("it has no byte order mark of UTF-16; say --encoding utf-16-le or utf-16-be")
    decoder = codecs.getincrementaldecoder(codec)(errors)
    place = _Place()
    while True:
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            place.pass_over(error.object[: error.start].decode(codec, "ignore"))
            raise NotOfEncoding(f"{place} is not in {encoding or 'UTF-8'}{_remedy(encoding)}") from None
        place.pass_over(text)
        yield chunk if codec == _UTF_8 else text.encode(errors=errors)
        if not chunk:
            return
        chunk = stream.read(_CHUNK_BYTES)


def _remedy(encoding: str) -> str:
    if encoding:
        return ". Say another --encoding, or correct it"
    return f". It may be in {_LATIN}: say --encoding windows-1252, or write the file in UTF-8"


class _Place:
    """How far a text was read."""

    def __init__(self) -> None:
        self._line = 1
        self._character = 1

    def pass_over(self, text: str) -> None:
        ends = text.count("\n")
        self._line += ends
        self._character = len(text) - text.rfind("\n") if ends else self._character + len(text)

    def __str__(self) -> str:
        return f"line {self._line}, character {self._character}"
