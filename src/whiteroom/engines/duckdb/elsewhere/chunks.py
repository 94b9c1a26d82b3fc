"""Which bytes of a large object of Parquet a query needs: all but the chunks of columns that it does not read.

What is left out is a hole in the file, which nothing reads: everything else (footer, indexes, filters, whatever a
writer put between the chunks) is brought.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import duckdb

from whiteroom.engines.duckdb.files.quoting import sql_literal

Range = tuple[int, int]
"""Its first byte, and the one behind its last."""
NamesIn = Callable[[Path], Collection[str]]
"""Which columns of a file of Parquet, whose end is there, are read: their names, in lower case."""

TAIL_BYTES = 1 << 20
"""Of the end of an object, where its footer is."""
_MAGIC = b"PAR1"
_TRAILER = struct.Struct("<I4s")
LEAST_HOLE_BYTES = 1 << 19
"""Less is brought with what is around it: a request costs more."""


def tail_of(size_bytes: int) -> Range:
    """The end of an object, with its footer but for very long ones."""
    return max(0, size_bytes - TAIL_BYTES), size_bytes


def needed(file: Path, size_bytes: int, names: NamesIn) -> list[Range]:
    """The ranges of an object whose tail is in a file, in order; the whole of it where that cannot be told.

    Args:
        file: as long as the object, with its tail.
        size_bytes: of the object.
        names: says which columns are read.
    """
    whole = [(0, size_bytes)]
    with file.open("rb") as stream:
        stream.seek(size_bytes - _TRAILER.size)
        footer_bytes, magic = _TRAILER.unpack(stream.read(_TRAILER.size))
    if magic != _MAGIC or footer_bytes + _TRAILER.size > TAIL_BYTES:
        return whole
    with duckdb.connect(":memory:") as connection:
        source = f"parquet_metadata({sql_literal(str(file))})"
        try:
            chunks = connection.execute(
                "SELECT path_in_schema, least(data_page_offset, coalesce(nullif(dictionary_page_offset, 0), "  # noqa: S608 -- quoted
                f"data_page_offset)), total_compressed_size FROM {source}"
            ).fetchall()
            wanted = names(file)
        except duckdb.Error:
            return whole
    holes = [(start, start + length) for path, start, length in chunks if _column(path) not in wanted]
    kept = [(start, start + length) for path, start, length in chunks if _column(path) in wanted]
    kept += [tail_of(size_bytes), (0, len(_MAGIC))]
    return _without(size_bytes, holes, kept)


def _column(path: str) -> str:
    """The column that a chunk is of: nested ones have several."""
    return path.partition(", ")[0].lower()


def _without(size_bytes: int, holes: Iterable[Range], kept: Iterable[Range]) -> list[Range]:
    """What is left of an object, in which small holes are filled."""
    around, at = [], 0
    for begin, end in _joined(hole for hole in holes if 0 <= hole[0] <= hole[1] <= size_bytes):
        around.append((at, begin))
        at = end
    around.append((at, size_bytes))
    whole = [(max(0, begin), min(end, size_bytes)) for begin, end in (*around, *kept)]
    return _joined((one for one in whole if one[0] < one[1]), LEAST_HOLE_BYTES)


def _joined(ranges: Iterable[Range], gap: int = 0) -> list[Range]:
    """Ranges in order, those as one that overlap, or have no more than so many bytes between them."""
    joined: list[Range] = []
    for begin, end in sorted(ranges):
        if joined and begin <= joined[-1][1] + gap:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((begin, end))
    return joined
