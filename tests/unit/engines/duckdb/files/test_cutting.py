"""Cutting files into parts of whole rows."""

import csv
import io
from pathlib import Path

import duckdb
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from whiteroom.engines.duckdb.files import cutting
from whiteroom.engines.duckdb.files.cutting import (
    CsvRecords,
    Span,
    cut_csv_by_rows,
    cut_csv_by_size,
    cut_parquet_by_rows,
    spans,
)

TEXTS = st.text(st.sampled_from('a"\n,é'), max_size=6)
ROWS = st.lists(st.tuples(TEXTS, TEXTS), max_size=12)


def written(rows: list[tuple[str, str]], *, header: bool = True) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("x", "y"), *rows] if header else rows)
    return out.getvalue()


def parsed(files: list[Path]) -> list[list[tuple[str, ...]]]:
    texts = [file.read_bytes().decode() for file in files]
    return [[tuple(row) for row in csv.reader(io.StringIO(text, newline=""))] for text in texts]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "_CHUNK_BYTES", 7)


def test_rows_are_shared_out_in_order_and_evenly_over_the_files_they_lie_in() -> None:
    assert spans([5], 2) == [[Span(0, 0, 2)], [Span(0, 2, 5)]]
    assert spans([3, 0, 4], 3) == [[Span(0, 0, 2)], [Span(0, 2, 3), Span(2, 0, 1)], [Span(2, 1, 4)]]
    assert spans([1], 3) == [[], [], [Span(0, 0, 1)]]
    assert spans([], 2) == [[], []]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(files=st.lists(ROWS, min_size=1, max_size=3), parts=st.integers(1, 5), header=st.booleans())
def test_every_row_is_in_exactly_one_part_in_order_and_the_parts_are_even(
    tmp_path: Path, files: list[list[tuple[str, str]]], parts: int, header: bool
) -> None:
    sources = []
    for number, rows in enumerate(files):
        sources.append(tmp_path / f"in-{number}.csv")
        sources[-1].write_text(written(rows, header=header), newline="")
    found = parsed(cut_csv_by_rows(sources, tmp_path, parts, header=header))
    if header:
        assert [part.pop(0) for part in found] == [("x", "y")] * parts
    assert [row for part in found for row in part] == [row for rows in files for row in rows]
    assert max(map(len, found)) - min(map(len, found)) <= 1


@pytest.mark.parametrize("name", ["file_row_number", "FILE_INDEX", "other"])
def test_no_name_of_a_column_or_of_a_folder_changes_which_rows_a_part_of_parquet_has(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "named=so"
    folder.mkdir()
    columns = {"n": [1, 2, 3, 4, 5], name: [9, 9, 0, 9, 9], "nested": [{"x": 1}] * 5}
    parquet.write_table(pyarrow.table(columns), folder / "in.parquet")
    with duckdb.connect() as connection:
        parts = cut_parquet_by_rows(connection, [folder / "in.parquet"], folder, 3)
    found = [parquet.ParquetFile(part).read().to_pydict() for part in parts]
    assert {key: [value for part in found for value in part[key]] for key in columns} == columns
    assert [list(part) for part in found] == [list(columns)] * 3
    assert sorted(len(part["n"]) for part in found) == [1, 2, 2]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(rows=ROWS.filter(bool), parts=st.integers(1, 5))
def test_parts_by_size_hold_every_row_once_in_order_and_none_is_empty(
    tmp_path: Path, rows: list[tuple[str, str]], parts: int
) -> None:
    source = tmp_path / "whole.csv"
    source.write_text(written(rows), newline="")
    found = parsed(cut_csv_by_size(source, parts, header=True))
    assert [part.pop(0) for part in found] == [("x", "y")] * len(found)
    assert [row for part in found for row in part] == rows
    assert all(found)
    assert len(found) <= parts


def test_a_last_record_without_a_line_end_is_a_record(tmp_path: Path) -> None:
    for name, text in (("a", "x\n1\n2"), ("b", 'x\n3\n"4\n')):
        (tmp_path / name).write_text(text)
    assert CsvRecords(tmp_path / "a", header=True).rows == 2
    assert CsvRecords(tmp_path / "b", header=True).rows == 2
    (file,) = cut_csv_by_rows([tmp_path / "a", tmp_path / "a"], tmp_path, 1, header=True)
    assert file.read_text() == "x\n1\n2\n1\n2\n"


@pytest.mark.parametrize(("text", "rows"), [("", 0), ("x\n", 0), ("x", 0), ("x\n1\n", 1)])
def test_a_file_without_rows_has_none(tmp_path: Path, text: str, rows: int) -> None:
    (tmp_path / "a").write_text(text)
    assert CsvRecords(tmp_path / "a", header=True).rows == rows
