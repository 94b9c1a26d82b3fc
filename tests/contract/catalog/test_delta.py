"""Tables of Delta from a folder: the files of one version, with the values that its log gives them, or a refusal."""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pytest
from deltalake import DeltaTable, write_deltalake

from contract.catalog.test_folder import ACCOUNT
from whiteroom.catalog.folder import CatalogError, FolderCatalog, Looked
from whiteroom.catalog.snapshots.planning import Snapshots
from whiteroom.domain.privacy.query_tables import Column, FileFormat
from whiteroom.domain.privacy.readings import NO_WISHES, Wishes
from whiteroom.engines.duckdb.schemas import read_schema, read_snapshot
from whiteroom.ports.catalog import TableNotFound


@pytest.fixture
def catalog(tmp_path: Path) -> FolderCatalog:
    return FolderCatalog(tmp_path / "catalog", read_schema, read_snapshot)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_deltalake(str(tmp_path / "t"), rows(id=[1, 2, 3], name=["a", "b", "c"]))
    return tmp_path / "t"


def rows(**columns: Any) -> pyarrow.Table:
    return pyarrow.table(columns)


def look(catalog: FolderCatalog, folder: Path, wishes: Wishes = NO_WISHES) -> Looked:
    return catalog.look(ACCOUNT, "shop", "t", [folder], wishes)


def read(catalog: FolderCatalog, folder: Path, wishes: Wishes = NO_WISHES) -> set[tuple[str | None, ...]]:
    looked = look(catalog, folder, wishes)
    assert looked.found.rows == len(looked.found.first_rows)
    return set(looked.found.first_rows)


def commit(folder: Path, *actions: dict[str, Any]) -> None:
    """A version as another program would write it."""
    log = folder / "_delta_log"
    number = 1 + max(int(file.stem) for file in log.glob("*.json"))
    (log / f"{number:020}.json").write_text("".join(f"{json.dumps(action)}\n" for action in actions))


def added(path: str, **said: Any) -> dict[str, Any]:
    sizes = {"size": 1, "modificationTime": 0, "dataChange": True}
    return {"add": {"path": path, "partitionValues": {}, **sizes, **said}}


def test_a_folder_of_delta_is_found_and_is_what_its_log_says_and_no_other_file(
    catalog: FolderCatalog, folder: Path
) -> None:
    shutil.copy(next(folder.glob("*.parquet")), folder / "stray.parquet")
    table = catalog.add(ACCOUNT, "shop", "t", [folder])
    assert catalog.show(ACCOUNT, "shop", "t").format is FileFormat.DELTA
    assert table.columns == (Column("id", "bigint"), Column("name", "string"))
    assert table.snapshot is not None
    assert (len(table.files), table.snapshot.id) == (1, "0")
    assert catalog.resolve(ACCOUNT, "shop", "t") == table
    assert read(catalog, folder) == {("1", "a"), ("2", "b"), ("3", "c")}


def test_what_was_deleted_is_not_read_and_an_older_version_is_where_it_is_said(
    catalog: FolderCatalog, folder: Path
) -> None:
    catalog.add(ACCOUNT, "shop", "t", [folder])
    catalog.add(ACCOUNT, "shop", "pinned", [folder], Wishes(snapshot="0"))
    DeltaTable(str(folder)).delete("id = 2")
    assert read(catalog, folder) == {("1", "a"), ("3", "c")}
    ids = [
        found.snapshot and found.snapshot.id for found in (catalog.resolve(ACCOUNT, "shop", n) for n in ("t", "pinned"))
    ]
    assert ids == ["1", "0"]
    for version in ("7", "x", "99999999999999999999"):
        with pytest.raises(CatalogError, match="has no version"):
            look(catalog, folder, Wishes(snapshot=version))


def test_values_of_partitions_are_those_of_the_log_whatever_the_folders_are_called(
    catalog: FolderCatalog, tmp_path: Path
) -> None:
    values = ["a b", "ü/x=1%", None, "o'brien"]
    write_deltalake(str(tmp_path / "t"), rows(n=[1, 2, 3, 4], who=values), partition_by=["who"])
    assert read(catalog, tmp_path / "t") == {(str(n), value) for n, value in enumerate(values, start=1)}
    shutil.copytree(tmp_path / "t", tmp_path / "yr=2024")
    assert look(catalog, tmp_path / "yr=2024").table.columns == (Column("n", "bigint"), Column("who", "string"))


PARTITIONED = [
    (pyarrow.int32(), 7, "int", "7"),
    (pyarrow.bool_(), True, "boolean", "true"),
    (pyarrow.date32(), date(2024, 1, 2), "date", "2024-01-02"),
    (pyarrow.timestamp("us", "UTC"), datetime(2024, 1, 2, 3, 4, 5, 6, UTC), "timestamp", "2024-01-02 03:04:05.000006"),
    (pyarrow.decimal128(10, 2), Decimal("1.50"), "decimal(10,2)", "1.50"),
    (pyarrow.float64(), 1.5, "double", "1.5"),
]


@pytest.mark.parametrize(("kind", "value", "spark", "text"), PARTITIONED)
def test_a_partition_has_the_type_of_its_column(
    catalog: FolderCatalog, tmp_path: Path, kind: pyarrow.DataType, value: Any, spark: str, text: str
) -> None:
    table = pyarrow.table({"n": [1, 2], "p": pyarrow.array([value, None], kind)})
    write_deltalake(str(tmp_path / "t"), table, partition_by=["p"])
    looked = look(catalog, tmp_path / "t")
    assert looked.table.columns[1] == Column("p", spark)
    assert set(looked.found.first_rows) == {("1", text), ("2", None)}


def test_what_a_file_lacks_is_null_and_nested_columns_are_left_out_with_a_note(
    catalog: FolderCatalog, folder: Path
) -> None:
    more = rows(name=["d"], id=[4], new=[1.5], inside=[{"a": 1}])
    write_deltalake(str(folder), more, mode="append", schema_mode="merge")
    looked = look(catalog, folder)
    assert [column.name for column in looked.table.columns] == ["id", "name", "new"]
    assert set(looked.found.first_rows) == {("1", "a", None), ("2", "b", None), ("3", "c", None), ("4", "d", "1.5")}
    assert looked.found.notes == ("Column 'inside' is left out: Delta's struct cannot be queried here.",)
    DeltaTable(str(folder)).delete("id = 4")
    assert read(catalog, folder) == {("1", "a", None), ("2", "b", None), ("3", "c", None)}


def test_a_table_behind_a_checkpoint_is_read(catalog: FolderCatalog, folder: Path) -> None:
    write_deltalake(str(folder), rows(id=[4], name=["d"]), mode="append")
    DeltaTable(str(folder)).create_checkpoint()
    (folder / "_delta_log" / f"{0:020}.json").unlink()
    assert len(read(catalog, folder)) == 4


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda log: log.write_bytes(b""), r"00000000000000000001\.json of its log is empty"),
        (lambda log: log.unlink(), "its log lacks version 1"),
        (lambda log: log.write_bytes(log.read_bytes()[:-40]), "its metadata cannot be read"),
    ],
)
def test_a_log_that_lost_a_version_is_not_read_without_it(
    catalog: FolderCatalog, folder: Path, broken: Callable[[Path], object], told: str
) -> None:
    for number in (1, 2, 3):
        write_deltalake(str(folder), rows(id=[number], name=["x"]), mode="append")
    broken(folder / "_delta_log" / "00000000000000000001.json")
    with pytest.raises(CatalogError, match=told):
        look(catalog, folder)


def test_a_column_that_is_another_by_now_is_told_to_the_owner(catalog: FolderCatalog, folder: Path) -> None:
    catalog.add(ACCOUNT, "shop", "t", [folder])
    write_deltalake(str(folder), rows(id=["x"]), mode="overwrite", schema_mode="overwrite")
    with pytest.raises(TableNotFound, match="column 'id' is string, and was bigint"):
        catalog.resolve(ACCOUNT, "shop", "t")


def test_files_that_were_deleted_are_no_table_by_themselves(catalog: FolderCatalog, folder: Path) -> None:
    for source in (folder / "*.parquet", next(folder.glob("*.parquet")), folder.parent):
        with pytest.raises(CatalogError, match=r"is a table of Delta\. Add this folder"):
            catalog.add(ACCOUNT, "shop", "t", [source])


def test_a_file_that_became_a_link_is_never_followed(catalog: FolderCatalog, folder: Path) -> None:
    catalog.add(ACCOUNT, "shop", "t", [folder])
    [file] = folder.glob("*.parquet")
    file.rename(folder.parent / "elsewhere.parquet")
    with pytest.raises(TableNotFound, match="is gone, and the table's metadata name it"):
        catalog.resolve(ACCOUNT, "shop", "t")
    file.symlink_to(folder.parent / "elsewhere.parquet")
    with pytest.raises(TableNotFound, match="is a link by now"):
        catalog.resolve(ACCOUNT, "shop", "t")


def test_a_table_of_hudi_is_named(catalog: FolderCatalog, folder: Path) -> None:
    shutil.rmtree(folder / "_delta_log")
    (folder / ".hoodie").mkdir()
    with pytest.raises(CatalogError, match="is a table of Hudi, which is not read here"):
        look(catalog, folder)


def features(*names: str) -> dict[str, Any]:
    versions = {"minReaderVersion": 3, "minWriterVersion": 7}
    return {"protocol": {**versions, "readerFeatures": list(names), "writerFeatures": list(names)}}


def with_vectors(folder: Path) -> None:
    [file] = folder.glob("*.parquet")
    vector = {
        "storageType": "i",
        "pathOrInlineDv": "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
        "sizeInBytes": 40,
    }
    gone = {"remove": {"path": file.name, "deletionTimestamp": 1, "dataChange": True}}
    again = added(file.name, size=file.stat().st_size, deletionVector={**vector, "cardinality": 6})
    commit(folder, features("deletionVectors"), gone, again)


def with_mapping(folder: Path) -> None:
    lines = map(json.loads, (folder / "_delta_log" / f"{0:020}.json").read_text().splitlines())
    state = next(line["metaData"] for line in lines if "metaData" in line)
    schema = json.loads(state["schemaString"])
    for number, part in enumerate(schema["fields"], start=1):
        part["metadata"] = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": f"col-{number}"}
    state["schemaString"] = json.dumps(schema)
    mapped = {"metaData": {**state, "configuration": {"delta.columnMapping.mode": "name"}}}
    commit(folder, {"protocol": {"minReaderVersion": 2, "minWriterVersion": 5}}, mapped)


def with_a_link(folder: Path) -> None:
    (folder.parent / "secret.json").write_text("{}")
    (folder / "_delta_log" / f"{1:020}.json").symlink_to(folder.parent / "secret.json")


def another_type(folder: Path) -> None:
    duckdb.sql(f"COPY (SELECT 1.5::DOUBLE AS id) TO '{next(folder.glob('*.parquet'))}'")


def endless(folder: Path) -> None:
    with (folder / "_delta_log" / f"{1:020}.json").open("wb") as stream:
        stream.truncate(1 << 30)


def no_log(folder: Path) -> None:
    (folder / "_delta_log" / f"{0:020}.json").write_text("{" * 9_999)


REFUSED: dict[str, tuple[Callable[[Path], None], str]] = {
    "deletion vectors": (with_vectors, "has deletion vectors"),
    "column mapping": (with_mapping, "has column mapping"),
    "an unknown feature": (lambda folder: commit(folder, features("typeWidening")), "typeWidening|cannot be read"),
    "a version to come": (
        lambda folder: commit(folder, {"protocol": {"minReaderVersion": 9, "minWriterVersion": 9}}),
        "version 9 of the protocol|cannot be read",
    ),
    "a file above": (lambda folder: commit(folder, added("../secret.parquet")), "outside of"),
    "a file above, escaped": (lambda folder: commit(folder, added("%2E%2E/secret.parquet")), "outside of"),
    "a file elsewhere": (lambda folder: commit(folder, added("file:///etc/passwd")), "outside of"),
    "a file from the root": (lambda folder: commit(folder, added("/etc/passwd")), "outside of"),
    "a file on a server": (lambda folder: commit(folder, added("s3://bucket/a.parquet")), "not on this machine"),
    "a file that is gone": (lambda folder: commit(folder, added("gone.parquet")), "gone.parquet is gone"),
    "a link in the log": (with_a_link, "outside of"),
    "a value of another type": (another_type, "column 'id' is double, and not bigint"),
    "an endless log": (endless, "more than 268,435,456 bytes"),
    "a log that is none": (no_log, "its metadata cannot be read"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_read_as_it_is_is_refused_by_name(catalog: FolderCatalog, folder: Path, what: str) -> None:
    spoil, words = REFUSED[what]
    (folder.parent / "secret.parquet").write_bytes(next(folder.glob("*.parquet")).read_bytes())
    spoil(folder)
    with pytest.raises(CatalogError, match=words) as refused:
        look(catalog, folder)
    assert str(folder) in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_machine_that_opens_no_more_files_says_nothing_of_the_table(folder: Path) -> None:
    plan, (most, limit) = Snapshots().plan, resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limit))
    try:
        with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
            plan(FileFormat.DELTA, str(folder), "")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, limit))
    assert plan(FileFormat.DELTA, str(folder), "")[0].columns
