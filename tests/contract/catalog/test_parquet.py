"""Files of Parquet that differ: by name, in the wider type, or refused; never text."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from contract.catalog.test_folder import ACCOUNT
from whiteroom.catalog.folder import CatalogError, FolderCatalog, Looked
from whiteroom.domain.privacy.column_types import wider
from whiteroom.domain.privacy.query_tables import Column
from whiteroom.engines.duckdb.schemas import read_schema


def looked(folder: Path, *selects: str) -> Looked:
    for number, select in enumerate(selects):
        duckdb.sql(f"COPY ({select}) TO '{folder / str(number)}.parquet'")
    return FolderCatalog(folder / "catalog", read_schema).look(ACCOUNT, "shop", "t", [folder / "*.parquet"])


def test_a_column_has_the_wider_type_of_its_files(tmp_path: Path) -> None:
    found = looked(
        tmp_path,
        "SELECT 1::INT AS i, 1.25::DECIMAL(10,2) AS d, 1::FLOAT AS f, 1::BIGINT AS m",
        "SELECT 3000000000 AS i, 1.2345::DECIMAL(10,4) AS d, 1.5::DOUBLE AS f, 1.5::DECIMAL(4,1) AS m",
    )
    assert [column.type for column in found.table.columns] == ["bigint", "decimal(12,4)", "double", "decimal(20,1)"]
    assert found.found.first_rows == (("1", "1.2500", "1.0", "1.0"), ("3000000000", "1.2345", "1.5", "1.5"))


def test_columns_go_by_name_and_those_that_a_file_lacks_are_null_with_a_note(tmp_path: Path) -> None:
    found = looked(tmp_path, "SELECT 1 AS a, 'x' AS b", "SELECT 'y' AS B, 2 AS a", "SELECT 3 AS a, 4 AS c")
    assert found.table.columns == (Column("a", "int"), Column("b", "string"), Column("c", "int"))
    assert found.found.first_rows == (("1", "x", None), ("2", "y", None), ("3", None, "4"))
    assert found.found.notes == (
        f"{tmp_path}/0.parquet has no column 'c': its rows have NULL there.",
        f"{tmp_path}/1.parquet has no column 'c': its rows have NULL there.",
        f"{tmp_path}/2.parquet has no column 'b': its rows have NULL there.",
    )


@pytest.mark.parametrize(
    ("one", "other"), [("1::BIGINT", "1.5::DOUBLE"), ("1", "'x'"), ("DATE '2020-01-01'", "TIMESTAMP '2020-01-01'")]
)
def test_files_that_no_type_holds_exactly_are_refused_with_both_named(tmp_path: Path, one: str, other: str) -> None:
    with pytest.raises(CatalogError, match=r"Column 'a' is .* in .*0\.parquet and .* in .*1\.parquet: no type"):
        looked(tmp_path, f"SELECT {one} AS a", f"SELECT {other} AS a")


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("tinyint", "int", "int"),
        ("bigint", "decimal(20,0)", "decimal(20,0)"),
        ("decimal(38,0)", "decimal(5,2)", None),
        ("string", "string", "string"),
        ("string", "int", None),
        ("int", "double", None),
        ("boolean", "int", None),
    ],
)
def test_the_wider_type_holds_every_value_of_both_exactly(one: str, other: str, both: str | None) -> None:
    assert wider(one, other) == wider(other, one) == both
