"""Folders named `column=value` are columns, and what else a folder of a table may hold."""

from __future__ import annotations

import os
import shutil
import string
from pathlib import Path

import duckdb
import pytest

from contract.catalog.test_folder import ACCOUNT
from unit.engines.duckdb.test_holding import rows_of, shared
from whiteroom.catalog.folder import CatalogError, FolderCatalog
from whiteroom.domain.privacy.query_tables import Column
from whiteroom.domain.privacy.readings import NO_WISHES, Wishes
from whiteroom.engines.duckdb.holding import held
from whiteroom.engines.duckdb.schemas import read_schema
from whiteroom.ports.catalog import FoundTable, TableNotFound


@pytest.fixture
def catalog(tmp_path: Path) -> FolderCatalog:
    return FolderCatalog(tmp_path / "catalog", read_schema)


def put(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def found(catalog: FolderCatalog, source: Path, wishes: Wishes = NO_WISHES) -> FoundTable:
    return catalog.look(ACCOUNT, "shop", "t", [source], wishes).found


def test_folders_that_name_a_value_are_columns_behind_those_of_the_files(
    catalog: FolderCatalog, tmp_path: Path
) -> None:
    data = put(tmp_path / "data", {"yr=2024/mon=01/a.csv": "a\n1\n", "yr=2025/mon=02/a.csv": "a\n2\n\n", "_x/y": "?"})
    table = catalog.add(ACCOUNT, "shop", "t", [data])
    assert table.columns == (Column("a", "bigint"), Column("yr", "bigint"), Column("mon", "string"))
    assert table.reading.partitions == ("yr", "mon")
    assert catalog.resolve(ACCOUNT, "shop", "t") == table
    assert found(catalog, data).first_rows[0] == ("1", "2024", "01")


def test_parquet_and_lines_of_json_have_them_too(catalog: FolderCatalog, tmp_path: Path) -> None:
    data = put(tmp_path / "json", {"day=2024-01-02/a.jsonl": '{"a": 1}\n', "day=2024-01-03/a.jsonl": '{"a": 2}\n'})
    assert found(catalog, data).columns == (Column("a", "bigint"), Column("day", "date"))
    assert found(catalog, data, Wishes(types=(Column("day", "string"),))).columns[1].type == "string"
    (tmp_path / "parquet" / "n=__HIVE_DEFAULT_PARTITION__").mkdir(parents=True)
    (tmp_path / "parquet" / "n=7").mkdir()
    for folder in (tmp_path / "parquet").iterdir():
        duckdb.sql(f"COPY (SELECT 1 AS a) TO '{folder}/a.parquet'")
    read = found(catalog, tmp_path / "parquet")
    assert read.columns == (Column("a", "int"), Column("n", "bigint"))
    assert set(read.first_rows) == {("1", None), ("1", "7")}


@pytest.mark.parametrize(
    ("folder", "value"),
    [("o'brien", "o'brien"), ("..", ".."), ("a%2Fb", "a/b"), ('a"; DROP', 'a"; DROP'), ("ä b", "ä b")],
)
def test_a_value_is_what_the_folder_says_whatever_is_in_it(
    catalog: FolderCatalog, tmp_path: Path, folder: str, value: str
) -> None:
    data = put(tmp_path / "data", {f"who={folder}/a.csv": "a\n1\n"})
    assert found(catalog, data).first_rows == (("1", value),)


NO_PARTITIONS: dict[str, tuple[dict[str, str], str]] = {
    "some files in folders": ({"yr=1/a.csv": "a\n1\n", "b.csv": "a\n2\n"}, "other partitions"),
    "folders of two kinds": ({"yr=1/a.csv": "a\n1\n", "mon=1/b.csv": "a\n2\n"}, "other partitions"),
    "a column of the files": ({"A=1/a.csv": "a\n1\n"}, "lies in a folder that names it"),
    "one twice": ({"yr=1/YR=2/a.csv": "a\n1\n"}, "name one partition twice"),
    "no value": ({"yr=/a.csv": "a\n1\n"}, "names no partition"),
    "no name": ({"=1/a.csv": "a\n1\n"}, "names no partition"),
    "two values": ({"yr=1=2/a.csv": "a\n1\n"}, "names no partition"),
    "a line end": ({"yr=1\n/a.csv": "a\n1\n"}, "names no partition"),
}


@pytest.mark.parametrize("what", NO_PARTITIONS)
def test_folders_that_are_no_partitions_of_one_table_are_refused(
    catalog: FolderCatalog, tmp_path: Path, what: str
) -> None:
    files, words = NO_PARTITIONS[what]
    with pytest.raises(CatalogError, match=words):
        catalog.add(ACCOUNT, "shop", "t", [put(tmp_path / "data", files)])


def test_a_folder_above_the_table_that_looks_like_a_partition_is_named(catalog: FolderCatalog, tmp_path: Path) -> None:
    data = put(tmp_path / "yr=1", {"mon=2/a.csv": "a\n1\n", "flat/a.csv": "a\n1\n"})
    with pytest.raises(CatalogError, match=r"above the table .*yr="):
        found(catalog, data / "mon=*" / "*.csv")
    assert [column.name for column in found(catalog, data / "flat").columns] == ["a"]


def test_a_value_that_is_none_of_its_chosen_type_is_named_by_its_folder(catalog: FolderCatalog, tmp_path: Path) -> None:
    data = put(tmp_path / "data", {"yr=2024/a.csv": "a\n1\n", "yr=x/a.csv": "a\n1\n"})
    with pytest.raises(CatalogError, match=r"yr=x/a\.csv, column 'yr': the value is not written as one of type int"):
        found(catalog, data, Wishes(types=(Column("yr", "int"),)))


def test_a_file_that_appears_outside_of_its_partitions_is_told_to_the_owner(
    catalog: FolderCatalog, tmp_path: Path
) -> None:
    data = put(tmp_path / "data", {"yr=2024/a.csv": "a\n1\n"})
    catalog.add(ACCOUNT, "shop", "t", [data])
    put(data, {"yr=2025/a.csv": "a\n2\n"})
    assert len(catalog.resolve(ACCOUNT, "shop", "t").files) == 2
    put(data, {"stray.csv": "a\n2\n"})
    with pytest.raises(TableNotFound, match="other partitions"):
        catalog.resolve(ACCOUNT, "shop", "t")


def test_a_link_out_of_a_tables_folder_is_refused_now_and_later(catalog: FolderCatalog, tmp_path: Path) -> None:
    secret = put(tmp_path / "bob", {"secret.csv": "a\n9\n"}) / "secret.csv"
    data = put(tmp_path / "data", {"a.csv": "a\n1\n"})
    (data / "b.csv").symlink_to(data / "a.csv")
    catalog.add(ACCOUNT, "shop", "t", [data])
    (data / "c.csv").symlink_to(secret)
    with pytest.raises(TableNotFound, match=r"c\.csv is a link that leads out of"):
        catalog.resolve(ACCOUNT, "shop", "t")
    for source in (data, data / "*.csv"):
        with pytest.raises(CatalogError, match=r"c\.csv is a link that leads out of"):
            catalog.add(ACCOUNT, "shop", "u", [source])
    assert found(catalog, data / "c.csv").first_rows == (("9",),)


def test_a_name_that_is_no_text_is_refused_in_text(catalog: FolderCatalog, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/data/d\xff"
    Path(os.fsdecode(folder)).mkdir(parents=True)
    Path(os.fsdecode(folder + b"/a.csv")).write_text("a\n1\n")
    with pytest.raises(CatalogError, match=r"d\\xff/a\.csv has a name that is not UTF-8"):
        catalog.add(ACCOUNT, "shop", "t", [tmp_path / "data"])


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_value_of_a_folders_name_is_what_is_written_there(catalog: FolderCatalog, tmp_path: Path, name: str) -> None:
    values = {f"a{letter}b" for letter in string.printable if letter.isprintable() and letter not in "/=%"}
    for value in values:
        folder = tmp_path / "data" / f"part={value}"
        folder.mkdir(parents=True)
        written = str(tmp_path / name)
        duckdb.sql(f"COPY (SELECT 1 AS n) TO '{written}'")
        shutil.move(written, folder)
    catalog.add(ACCOUNT, "shop", "t", [tmp_path / "data"])
    table = shared(catalog.resolve(ACCOUNT, "shop", "t"))
    with held({"v": table}, tmp_path / "held") as views:
        assert {value for _, value in rows_of(views["v"])} == values
