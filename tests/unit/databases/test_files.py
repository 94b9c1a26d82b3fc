"""Batches of Arrow as a file, whoever sends them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest

from whiteroom.databases.files import Misfit, write_rows
from whiteroom.domain.privacy.query_tables import Column


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pyarrow.array(["1"]), "int"),
        (pyarrow.array([1], pyarrow.int64()), "int"),
        (pyarrow.array([1.5]), "decimal(10,2)"),
        (pyarrow.array([1.5]), "float"),
        (pyarrow.array([b"x"]), "string"),
        (pyarrow.array([[1]]), "string"),
        (pyarrow.array([86_400_000], pyarrow.date64()), "date"),
    ],
)
def test_a_column_that_comes_in_another_type_is_refused_and_not_converted(
    tmp_path: Path, array: pyarrow.Array, kind: str
) -> None:
    batch = pyarrow.RecordBatch.from_arrays([array], ["x"])
    with pytest.raises(Misfit, match=f"column 'x' comes as .*, and is {kind[:5]}"):
        write_rows([batch], [Column("x", kind)], tmp_path / "rows", 10**6)


def test_text_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    bad = pyarrow.Array.from_buffers(
        pyarrow.string(), 1, [None, pyarrow.py_buffer(b"\0\0\0\0\1\0\0\0"), pyarrow.py_buffer(b"\xff")]
    )
    with pytest.raises(Misfit, match="has a value that is no string"):
        write_rows([pyarrow.RecordBatch.from_arrays([bad], ["x"])], [Column("x", "string")], tmp_path / "rows", 10**6)


def test_no_batch_is_a_file_without_rows(tmp_path: Path) -> None:
    from pyarrow import parquet

    write_rows([], [Column("x", "decimal(3,1)")], tmp_path / "rows", 10**6)
    assert parquet.read_table(tmp_path / "rows").schema == pyarrow.schema([("x", pyarrow.decimal128(3, 1))])


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (pyarrow.array([Decimal(2**63)], pyarrow.decimal128(38, 0)), "bigint"),
        (pyarrow.array([Decimal("0.5")], pyarrow.decimal128(5, 1)), "bigint"),
        (pyarrow.array([1], pyarrow.timestamp("ns")), "timestamp"),
        (pyarrow.array([1], pyarrow.timestamp("ns", tz="UTC")), "timestamp"),
    ],
)
def test_a_value_that_its_type_cannot_hold_exactly_is_refused(tmp_path: Path, array: pyarrow.Array, kind: str) -> None:
    batch = pyarrow.RecordBatch.from_arrays([array], ["x"])
    with pytest.raises(Misfit, match=f"column 'x' has a value that is no {kind}"):
        write_rows([batch], [Column("x", kind)], tmp_path / "rows", 10**6)
