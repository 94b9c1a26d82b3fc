"""The catalog of Whiteroom's own."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from contract.catalog.suite import KNOWN, CatalogContract, SchemaReaderContract, SnapshotReaderContract
from whiteroom.catalog.folder import CatalogError, FolderCatalog
from whiteroom.domain.privacy.query_tables import Column, FileFormat
from whiteroom.engines.duckdb.schemas import read_schema, read_snapshot
from whiteroom.ports.catalog import SchemaReader, SnapshotReader, TableNotFound

ACCOUNT = "111111111111"


@pytest.fixture
def catalog(tmp_path: Path) -> FolderCatalog:
    (tmp_path / "data").mkdir()
    return FolderCatalog(tmp_path / "catalog", read_schema)


@pytest.fixture
def data(tmp_path: Path, catalog: FolderCatalog) -> Path:
    return tmp_path / "data"


class TestFolderCatalog(CatalogContract):
    adapters = (FolderCatalog,)

    @pytest.fixture
    def catalog(self, tmp_path: Path) -> FolderCatalog:
        catalog = FolderCatalog(tmp_path / "catalog", read_schema)
        catalog.add(*KNOWN, [write(tmp_path / "people.csv", "id,name\n1,Ann\n")])
        return catalog


class TestReadSchema(SchemaReaderContract):
    adapters = (read_schema,)

    @pytest.fixture
    def read(self) -> SchemaReader:
        return read_schema


class TestReadSnapshot(SnapshotReaderContract):
    adapters = (read_snapshot,)

    @pytest.fixture
    def look(self) -> SnapshotReader:
        return read_snapshot


def write(file: Path, contents: str | bytes) -> Path:
    file.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    return file


def test_a_csv_is_resolved_to_its_file_and_schema(catalog: FolderCatalog, data: Path) -> None:
    text = (
        "id,name,score,born,seen,ok\n"
        "1,Ann,1.5,2020-01-02,2020-01-02 03:04:05,true\n"
        "2,,2,2021-01-01,2021-01-01 00:00:00,false\n"
    )
    added = catalog.add(ACCOUNT, "shop", "people", [write(data / "p.csv", text)])
    assert added.format is FileFormat.CSV
    assert added.files == (str(data / "p.csv"),)
    assert added.columns == (
        Column("id", "bigint"),
        Column("name", "string"),
        Column("score", "double"),
        Column("born", "date"),
        Column("seen", "timestamp"),
        Column("ok", "boolean"),
    )
    assert catalog.resolve(ACCOUNT, "shop", "people") == added
    assert FolderCatalog(data.parent / "catalog", read_schema).resolve(ACCOUNT, "SHOP", "People") == added


def test_a_parquet_folder_keeps_sparks_types(catalog: FolderCatalog, data: Path) -> None:
    select = "SELECT 1::INT AS i, 2::SMALLINT AS s, 1.5::DECIMAL(10,2) AS d, 'x' AS t, 3::UBIGINT AS u"
    for name in ("b", "a"):
        duckdb.sql(f"COPY ({select}) TO '{data / name}.parquet'")
    write(data / "_SUCCESS", "")
    write(data / ".hidden", "x")
    added = catalog.add(ACCOUNT, "shop", "facts", [data])
    assert [Path(file).name for file in added.files] == ["a.parquet", "b.parquet"]
    assert [column.type for column in added.columns] == ["int", "smallint", "decimal(10,2)", "string", "decimal(20,0)"]


def test_json_lines_are_known_by_their_first_bytes(catalog: FolderCatalog, data: Path) -> None:
    added = catalog.add(ACCOUNT, "shop", "events", [write(data / "events", '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n')])
    assert added.format is FileFormat.JSON_LINES
    assert added.columns == (Column("a", "bigint"), Column("b", "string"))


def test_files_that_appear_later_belong_to_the_table(catalog: FolderCatalog, data: Path) -> None:
    write(data / "b.csv", "a\n1\n")
    catalog.add(ACCOUNT, "shop", "t", [data / "*.csv"])
    write(data / "a.csv", "a\n2\n")
    assert [Path(file).name for file in catalog.resolve(ACCOUNT, "shop", "t").files] == ["a.csv", "b.csv"]


def test_a_type_holds_the_values_of_every_file(catalog: FolderCatalog, data: Path) -> None:
    write(data / "a.csv", "a,b\n1,1\n")
    write(data / "b.csv", "a,b\n1.5,x\n")
    assert [column.type for column in catalog.add(ACCOUNT, "shop", "t", [data]).columns] == ["double", "string"]


def test_a_link_is_followed_when_the_table_is_added(
    catalog: FolderCatalog, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(data / "real.csv", "a\n1\n")
    (data / "link.csv").symlink_to(data / "real.csv")
    monkeypatch.chdir(data)
    catalog.add(ACCOUNT, "shop", "t", ["link.csv"])
    assert catalog.show(ACCOUNT, "shop", "t").sources == (str(data / "real.csv"),)


def test_tables_are_listed_by_account_and_removed(catalog: FolderCatalog, data: Path) -> None:
    file = write(data / "a.csv", "a\n1\n")
    catalog.add("222222222222", "shop", "t", [file])
    catalog.add(ACCOUNT, "shop", "u", [file])
    catalog.add(ACCOUNT, "shop", "t", [file])
    assert [(entry.account_id[0], entry.table) for entry in catalog.list()] == [("1", "t"), ("1", "u"), ("2", "t")]
    assert [entry.table for entry in catalog.list(ACCOUNT)] == ["t", "u"]
    catalog.remove(ACCOUNT, "shop", "t")
    assert [entry.table for entry in catalog.list(ACCOUNT)] == ["u"]
    assert file.exists()
    with pytest.raises(TableNotFound):
        catalog.remove(ACCOUNT, "shop", "t")


def test_an_account_does_not_see_anothers_table(catalog: FolderCatalog, data: Path) -> None:
    catalog.add(ACCOUNT, "shop", "t", [write(data / "a.csv", "a\n1\n")])
    with pytest.raises(TableNotFound, match=r"no table shop\.t"):
        catalog.resolve("222222222222", "shop", "t")


@pytest.mark.parametrize("name", ["../t", "", "a/b", "a.b", "x" * 129, "-a", "ä"])
def test_a_name_that_glue_does_not_allow_is_refused(catalog: FolderCatalog, data: Path, name: str) -> None:
    file = write(data / "a.csv", "a\n1\n")
    with pytest.raises(CatalogError, match="do not name a table"):
        catalog.add(ACCOUNT, "shop", name, [file])
    with pytest.raises(CatalogError, match="do not name a table"):
        catalog.add(ACCOUNT, name, "t", [file])
    with pytest.raises(TableNotFound):
        catalog.resolve(ACCOUNT, "shop", name)


def test_a_table_whose_files_are_gone_is_not_found(catalog: FolderCatalog, data: Path) -> None:
    file = write(data / "a.csv", "a\n1\n")
    catalog.add(ACCOUNT, "shop", "t", [file])
    file.unlink()
    with pytest.raises(TableNotFound, match=r"a\.csv is not there"):
        catalog.resolve(ACCOUNT, "shop", "t")


BROKEN: list[tuple[dict[str, str | bytes], str]] = [
    ({}, "holds no file"),
    ({"a.csv": ""}, "a.csv is empty"),
    ({"a.csv": "a,b\n1,2\n1,2,SECRET\n"}, "a.csv, line 3: the row is broken"),
    ({"a.csv": "a,b\n1,2\n1\n"}, "a.csv, line 3: the row is broken"),
    ({"a.csv": 'a,b\n1,2\n1,"SECRET\n'}, "a.csv, line 3: the row is broken"),
    ({"a.csv": b"a,b\n1,2\n1,\xff\xfe\n"}, "a.csv cannot be read: line 3, character 3 is not in UTF-8"),
    ({"a.csv": "a,A\n1,2\n"}, "line 1: two columns have the same name"),
    ({"a.csv": "a,\n1,2\n"}, "line 1: a CSV begins with a header"),
    ({"a.csv": "a\n1\n", "b.csv": "b\n1\n"}, "different columns"),
    ({"a.csv": "a\n1\n", "b.jsonl": '{"a": 1}\n'}, "is csv and"),
    ({"a.jsonl": '{"a": 1}\n{"a": SECRET}\n'}, "a.jsonl, line 2: the row is broken"),
    ({"a.jsonl": '{"a": {"b": 1}}\n'}, "column 'a'"),
    ({"a.parquet": b"PAR1" + bytes(100)}, "a.parquet cannot be read as parquet"),
    ({"a.parquet": "a\n1\n"}, "not a Parquet file"),
    ({"a.bin": bytes(range(256))}, "not a Parquet file, nor text"),
]


@pytest.mark.parametrize(("files", "words"), BROKEN)
def test_files_that_cannot_be_a_table_are_refused_with_the_reason(
    catalog: FolderCatalog, data: Path, files: dict[str, str | bytes], words: str
) -> None:
    for name, contents in files.items():
        write(data / name, contents)
    with pytest.raises(CatalogError) as refused:
        catalog.add(ACCOUNT, "shop", "t", [data])
    assert words in str(refused.value)
    assert "SECRET" not in str(refused.value)
    assert catalog.list() == []


def test_a_pattern_of_any_depth_follows_no_link_to_a_folder(catalog: FolderCatalog, data: Path) -> None:
    (data / "2024").mkdir()
    write(data / "2024" / "a.csv", "id\n1\n")
    write(data / "b.csv", "id\n2\n")
    for name in ("back", "again"):
        (data / "2024" / name).symlink_to(data)
    for pattern in ("**/*.csv", "**"):
        assert catalog.look(ACCOUNT, "db", "t", [data / pattern]).found.rows == 2
    assert catalog.look(ACCOUNT, "db", "t", [data / "*.csv"]).found.rows == 1
