from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from whiteroom.engines.duckdb.elsewhere import chunks
from whiteroom.engines.duckdb.elsewhere.chunks import needed, tail_of

ROWS = """
SELECT i AS Id, hash(i)::VARCHAR AS name, [i, i + 1] AS list, {'a': i, 'b': hash(i)} AS pair, i % 7 AS few, random() x
FROM range(200_000) t(i)
"""


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(chunks, "TAIL_BYTES", 1 << 16)
    monkeypatch.setattr(chunks, "LEAST_HOLE_BYTES", 1 << 10)
    file = tmp_path / "whole.parquet"
    duckdb.execute(f"COPY ({ROWS}) TO '{file}' (ROW_GROUP_SIZE 40_000)")
    return file


def with_holes(whole: Path, wanted: set[str]) -> tuple[Path, int]:
    """A file that has what is needed of another, and how many bytes of it."""
    body = whole.read_bytes()
    file = whole.with_name("holes.parquet")
    start, end = tail_of(len(body))
    file.write_bytes(bytes(start) + body[start:end])
    made, count = bytearray(b"\xff" * len(body)), 0
    for begin, stop in needed(file, len(body), lambda _: wanted):
        made[begin:stop], count = body[begin:stop], count + stop - begin
    file.write_bytes(made)
    return file, count


@pytest.mark.parametrize("wanted", [{"id"}, {"name", "few"}, {"list"}, {"pair", "x"}, set()])
def test_a_file_with_holes_has_the_rows_of_what_is_wanted_and_less_bytes(whole: Path, wanted: set[str]) -> None:
    file, count = with_holes(whole, wanted)
    columns = ", ".join(sorted(wanted)) or "1"
    for sql in (
        f"SELECT {columns}, file_row_number FROM '{{}}'",
        *(f"SELECT count(*) FROM '{{}}' WHERE {column} = (SELECT max({column}) FROM '{{}}')" for column in wanted),
    ):
        assert duckdb.execute(sql.replace("{}", str(file))).fetchall() == (
            duckdb.execute(sql.replace("{}", str(whole))).fetchall()
        )
    assert count < whole.stat().st_size * 0.8


def test_where_all_columns_are_wanted_all_is_brought(whole: Path) -> None:
    size = whole.stat().st_size
    assert needed(whole, size, lambda _: {"id", "name", "list", "pair", "few", "x"}) == [(0, size)]


@pytest.mark.parametrize(
    "body", [b"no parquet" * 10_000, b"x" * 99_992 + b"\xff\xff\xff\x7fPAR1", b"x" * 99_992 + b"\x10\0\0\0PAR1"]
)
def test_what_says_nothing_of_its_chunks_is_brought_whole(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "x").write_bytes(body)
    assert needed(tmp_path / "x", len(body), lambda _: {"id"}) == [(0, len(body))]
