"""Tables of Iceberg from a folder: the files of one snapshot, with what was deleted of them, or a refusal by name."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import IdentityTransform
from pyiceberg.typedef import Record
from pyiceberg.types import (
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    IntegerType,
    ListType,
    LongType,
    NestedField,
    StringType,
    TimestampType,
    TimestamptzType,
    TimeType,
)

from contract.catalog.test_folder import ACCOUNT
from support.iceberg_tables import (
    add_snapshot,
    change_state,
    deletes_file,
    deleting,
    folder_of,
    new_table,
    rows,
    state_of,
    uris,
)
from whiteroom.catalog.folder import CatalogError, FolderCatalog, Looked
from whiteroom.catalog.snapshots import child, planning, remembering
from whiteroom.domain.privacy.query_tables import Column
from whiteroom.domain.privacy.query_tables import FileFormat as Ours
from whiteroom.domain.privacy.readings import NO_WISHES, Wishes
from whiteroom.engines.duckdb.schemas import read_schema, read_snapshot
from whiteroom.ports.catalog import TableNotFound, UnusableFiles

SCHEMA = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))


@pytest.fixture
def catalog(tmp_path: Path) -> FolderCatalog:
    return FolderCatalog(tmp_path / "catalog", read_schema, read_snapshot)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    table = new_table(tmp_path / "lake", SCHEMA)
    table.append(rows(SCHEMA, id=[1, 2, 3], name=["a", "b", "c"]))
    return table


def look(catalog: FolderCatalog, table: Table, wishes: Wishes = NO_WISHES) -> Looked:
    return catalog.look(ACCOUNT, "shop", "t", [folder_of(table)], wishes)


def read(catalog: FolderCatalog, table: Table, wishes: Wishes = NO_WISHES) -> set[tuple[str | None, ...]]:
    looked = look(catalog, table, wishes)
    assert looked.found.rows == len(looked.found.first_rows)
    return set(looked.found.first_rows)


def test_a_folder_of_iceberg_is_found_and_is_what_its_state_says_and_no_other_file(
    catalog: FolderCatalog, table: Table
) -> None:
    folder = folder_of(table)
    shutil.copy(next((folder / "data").glob("*.parquet")), folder / "data" / "stray.parquet")
    added = catalog.add(ACCOUNT, "shop", "t", [folder])
    assert catalog.show(ACCOUNT, "shop", "t").format is Ours.ICEBERG
    assert added.columns == (Column("id", "bigint"), Column("name", "string"))
    assert [Path(file).name for file in added.files] == [uris(table)[0].rpartition("/")[2]]
    assert added.snapshot is not None
    assert added.snapshot.id == str(table.metadata.current_snapshot_id)
    assert catalog.resolve(ACCOUNT, "shop", "t") == added
    assert read(catalog, table) == {("1", "a"), ("2", "b"), ("3", "c")}


def test_the_next_snapshot_is_read_by_the_next_query_and_an_older_one_where_it_is_said(
    catalog: FolderCatalog, table: Table
) -> None:
    before = table.metadata.current_snapshot_id
    catalog.add(ACCOUNT, "shop", "latest", [folder_of(table)])
    catalog.add(ACCOUNT, "shop", "pinned", [folder_of(table)], Wishes(snapshot=str(before)))
    table.append(rows(SCHEMA, id=[4], name=["d"]))
    latest, pinned = (catalog.resolve(ACCOUNT, "shop", name) for name in ("latest", "pinned"))
    assert (len(latest.files), len(pinned.files)) == (2, 1)
    assert latest.snapshot is not None
    assert pinned.snapshot is not None
    assert (latest.snapshot.id, pinned.snapshot.id) == (str(table.metadata.current_snapshot_id), str(before))
    for name in ("1", "x", "-1"):
        with pytest.raises(CatalogError, match="has no snapshot"):
            look(catalog, table, Wishes(snapshot=name))


def test_columns_go_by_their_ids_and_what_a_file_lacks_is_null(catalog: FolderCatalog, table: Table) -> None:
    with table.update_schema() as change:
        change.rename_column("name", "title")
    with table.update_schema() as change:
        change.add_column("name", IntegerType())
    table.append(rows(table.schema(), id=[4], title=["d"], name=[7]))
    assert look(catalog, table).table.columns[1:] == (Column("title", "string"), Column("name", "int"))
    assert read(catalog, table) == {("1", "a", None), ("2", "b", None), ("3", "c", None), ("4", "d", "7")}


def test_a_column_that_was_given_a_wider_type_holds_the_older_values(catalog: FolderCatalog, tmp_path: Path) -> None:
    narrow = Schema(NestedField(1, "n", IntegerType()))
    table = new_table(tmp_path / "lake", narrow)
    table.append(rows(narrow, n=[1]))
    with table.update_schema() as change:
        change.update_column("n", LongType())
    table.append(rows(table.schema(), n=[5_000_000_000]))
    assert read(catalog, table) == {("1",), ("5000000000",)}


def test_types_are_sparks_and_what_has_no_place_is_left_out_with_a_note(catalog: FolderCatalog, tmp_path: Path) -> None:
    kinds = [
        (LongType(), "bigint", 1),
        (IntegerType(), "int", 1),
        (DoubleType(), "double", 1.5),
        (BooleanType(), "boolean", True),
        (DecimalType(10, 2), "decimal(10,2)", None),
        (DateType(), "date", None),
        (TimestampType(), "timestamp", None),
        (TimestamptzType(), "timestamp", None),
        (TimeType(), None, None),
        (ListType(11, IntegerType(), element_required=False), None, None),
    ]
    schema = Schema(*(NestedField(number, f"c{number}", kind) for number, (kind, _, _) in enumerate(kinds, start=1)))
    table = new_table(tmp_path / "lake", schema)
    table.append(rows(schema, **{f"c{number}": [value] for number, (_, _, value) in enumerate(kinds, start=1)}))
    looked = look(catalog, table)
    assert [column.type for column in looked.table.columns] == [kind for _, kind, _ in kinds if kind]
    assert [note.partition(" is left out")[0] for note in looked.found.notes] == ["Column 'c9'", "Column 'c10'"]


def test_deletes_by_writing_files_anew_and_by_positions_are_honoured(catalog: FolderCatalog, table: Table) -> None:
    table.append(rows(SCHEMA, id=[4, 5, 6], name=["d", "e", "f"]))
    table.delete("id = 2")
    assert read(catalog, table) == {(str(n), "abcdef"[n - 1]) for n in (1, 3, 4, 5, 6)}
    rewritten, whole = sorted(table.scan().plan_files(), key=lambda task: task.file.record_count)
    deleting(table, {whole.file.file_path: [0, 2], rewritten.file.file_path: [1]})
    assert {name for _, name in read(catalog, table)} == {"a", "e"}


def test_deletes_of_a_file_are_not_those_of_another_with_a_like_name(catalog: FolderCatalog, table: Table) -> None:
    deleting(table, {uris(table)[0]: [1], f"{uris(table)[0]}x": [0], "s3://elsewhere/a.parquet": [2]})
    assert read(catalog, table) == {("1", "a"), ("3", "c")}


def test_a_partitioned_table_is_read_by_its_metadata(catalog: FolderCatalog, tmp_path: Path) -> None:
    spec = PartitionSpec(PartitionField(2, 1000, IdentityTransform(), "name"))
    table = new_table(tmp_path / "lake", SCHEMA, spec)
    table.append(rows(SCHEMA, id=[1, 2, 3], name=["a b", "ü/x=1%", None]))
    assert read(catalog, table) == {("1", "a b"), ("2", "ü/x=1%"), ("3", None)}
    found = look(catalog, table).table.snapshot
    assert found is not None
    assert found.held == ("name",)


def test_columns_whose_names_differ_in_case_are_refused(catalog: FolderCatalog, tmp_path: Path) -> None:
    schema = Schema(NestedField(1, "a", LongType()), NestedField(2, "A", LongType()))
    with pytest.raises(CatalogError, match="two columns named 'a'"):
        look(catalog, new_table(tmp_path / "lake", schema))


def test_a_table_without_a_snapshot_has_no_rows(catalog: FolderCatalog, tmp_path: Path) -> None:
    assert read(catalog, new_table(tmp_path / "lake", SCHEMA)) == set()


def test_a_table_that_was_moved_is_read_where_it_lies_now(catalog: FolderCatalog, table: Table, tmp_path: Path) -> None:
    shutil.move(folder_of(table), tmp_path / "moved")
    looked = catalog.look(ACCOUNT, "shop", "t", [tmp_path / "moved"])
    assert looked.found.rows == 3


def test_which_state_is_meant_is_said_where_two_could_be(catalog: FolderCatalog, table: Table) -> None:
    state = state_of(table)
    shutil.copy(state, state.with_name(f"{state.name.partition('-')[0]}-other.metadata.json"))
    with pytest.raises(CatalogError, match="more than one latest state"):
        look(catalog, table)
    assert catalog.look(ACCOUNT, "shop", "t", [state]).found.rows == 3
    (state.parent / "version-hint.text").write_text(state.name.removesuffix(".metadata.json"))
    assert look(catalog, table).found.rows == 3


@pytest.mark.parametrize("hint", ["9" * 5000, "x" * 5000, "²", "../../secret", "\0"])
def test_a_hint_that_names_no_state_is_a_table_that_cannot_be_read(
    catalog: FolderCatalog, table: Table, hint: str
) -> None:
    (state_of(table).parent / "version-hint.text").write_text(hint)
    with pytest.raises(CatalogError) as refused:
        look(catalog, table)
    assert len(str(refused.value)) < 1000


def test_a_column_that_is_another_by_now_is_told_to_the_owner(catalog: FolderCatalog, table: Table) -> None:
    catalog.add(ACCOUNT, "shop", "t", [folder_of(table)])
    with table.update_schema() as change:
        change.add_column("more", StringType())
    assert len(catalog.resolve(ACCOUNT, "shop", "t").columns) == 2
    with table.update_schema() as change:
        change.rename_column("name", "title")
    with pytest.raises(TableNotFound, match=r"column 'name' is gone\. Add it again"):
        catalog.resolve(ACCOUNT, "shop", "t")


def changed(change: Callable[[dict[str, Any]], None]) -> Callable[[Table], None]:
    return lambda table: change_state(table, change)


def deletes(**said: Any) -> Callable[[Table], None]:
    return lambda table: (deleting(table, {uris(table)[0]: [0]}, **said), None)[1]


def data(**said: Any) -> Callable[[Table], None]:
    fields = {"content": DataFileContent.DATA, "file_format": FileFormat.PARQUET, "partition": Record()}
    sizes = {"record_count": 1, "file_size_in_bytes": 1}
    return lambda table: add_snapshot(
        table, DataFile.from_args(**{**fields, **sizes, "file_path": uris(table)[0], **said})
    )


def linked(table: Table) -> None:
    file = Path(uris(table)[0].removeprefix("file://"))
    file.rename(folder_of(table).parent / "elsewhere.parquet")
    file.symlink_to(folder_of(table).parent / "elsewhere.parquet")


def another_type(table: Table) -> None:
    file = uris(table)[0].removeprefix("file://")
    duckdb.sql(f"COPY (SELECT 1.5 AS id) TO '{file}' (FIELD_IDS {{id: 1}})")


def without_ids(table: Table) -> None:
    duckdb.sql(f"COPY (SELECT 1::BIGINT AS id, 'x' AS name) TO '{uris(table)[0].removeprefix('file://')}'")


def huge(table: Table) -> None:
    with (state_of(table).parent / "00099-huge.metadata.json").open("wb") as stream:
        stream.truncate(1 << 30)


def no_state(table: Table) -> None:
    (state_of(table).parent / "00099-none.metadata.json").write_text("{" * 100_000)


def no_manifests(table: Table) -> None:
    for file in state_of(table).parent.glob("*.avro"):
        file.write_bytes(b"Obj\x01" + bytes(range(256)) * 9)


def itself(state: dict[str, Any]) -> None:
    state["snapshots"][-1]["manifest-list"] = state["metadata-log"][-1]["metadata-file"]


def its_own_parent(state: dict[str, Any]) -> None:
    state["snapshots"][-1]["parent-snapshot-id"] = state["snapshots"][-1]["snapshot-id"]


def listed(uri: str) -> Callable[[Table], None]:
    return changed(lambda state: state["snapshots"][-1].update({"manifest-list": uri}))


REFUSED: dict[str, tuple[Callable[[Table], None], str]] = {
    "equality deletes": (deletes(content=DataFileContent.EQUALITY_DELETES, equality_ids=[1]), "has equality deletes"),
    "deletion vectors": (deletes(file_format=FileFormat.PUFFIN), "has deletion vectors"),
    "ORC": (data(file_format=FileFormat.ORC), "has files in ORC"),
    "encryption": (data(key_metadata=b"key"), "files are encrypted"),
    "version 3": (
        changed(lambda state: state.update({"format-version": 3, "next-row-id": 0})),
        "in version 3 of Iceberg",
    ),
    "a file elsewhere": (data(file_path="file:///etc/passwd"), "which lies outside of"),
    "a file above": (data(file_path="../../../etc/passwd"), "which lies outside of"),
    "a file on a server": (
        data(file_path="s3://bucket/a.parquet"),
        "'s3://bucket/a.parquet', which is not on this machine",
    ),
    "a file on another host": (data(file_path="file://host/etc/passwd"), "not on this machine"),
    "a file that is gone": (data(file_path="file:///nowhere.parquet"), "outside of"),
    "deletes elsewhere": (deletes(file_path="file:///etc/passwd"), "which lies outside of"),
    "manifests elsewhere": (listed("file:///etc/passwd"), "which lies outside of"),
    "manifests on a server": (listed("http://127.0.0.1:9/list.avro"), "not on this machine"),
    "a link": (linked, "which lies outside of"),
    "a value of another type": (another_type, r"column 'id' is decimal\(2,1\), and not bigint"),
    "a file without ids": (without_ids, "have no field ids"),
    "endless metadata": (huge, "has more than 268,435,456 bytes"),
    "metadata that are none": (no_state, "cannot be read"),
    "manifests that are none": (no_manifests, "its metadata cannot be read"),
    "a list that is itself": (changed(itself), "its metadata cannot be read"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_read_as_it_is_is_refused_by_name(catalog: FolderCatalog, table: Table, what: str) -> None:
    spoil, words = REFUSED[what]
    spoil(table)
    with pytest.raises(CatalogError, match=words) as refused:
        look(catalog, table)
    assert str(folder_of(table)) in str(refused.value)
    assert str(refused.value).endswith(".")


def test_a_snapshot_that_is_its_own_parent_is_read_once(catalog: FolderCatalog, table: Table) -> None:
    change_state(table, its_own_parent)
    assert look(catalog, table).found.rows == 3


def test_the_files_of_such_a_table_are_no_table_by_themselves(catalog: FolderCatalog, table: Table) -> None:
    folder = folder_of(table)
    plain = folder.parent / "plain"
    plain.mkdir()
    duckdb.sql(f"COPY (SELECT 1 AS a) TO '{plain}/a.parquet'")
    catalog.add(ACCOUNT, "shop", "plain", [plain])
    for source in (folder / "data", folder / "data" / "*.parquet", folder.parent):
        with pytest.raises(CatalogError, match=r"is a table of Iceberg\. Add this folder"):
            catalog.add(ACCOUNT, "shop", "t", [source])
    shutil.copytree(folder / "metadata", plain / "metadata")
    with pytest.raises(TableNotFound, match="is a table of Iceberg"):
        catalog.resolve(ACCOUNT, "shop", "plain")


def test_what_is_said_of_text_or_of_other_tables_is_refused(catalog: FolderCatalog, table: Table) -> None:
    with pytest.raises(CatalogError, match="is said of text"):
        look(catalog, table, Wishes(delimiter=";"))
    with pytest.raises(CatalogError, match="no folder _delta_log"):
        look(catalog, table, Wishes(format=Ours.DELTA))
    with pytest.raises(CatalogError, match="is one folder"):
        catalog.look(ACCOUNT, "shop", "t", [folder_of(table)] * 2, Wishes(format=Ours.ICEBERG))
    (folder_of(table).parent / "a.csv").write_text("a\n1\n")
    with pytest.raises(CatalogError, match="is said of a table of Iceberg or Delta"):
        catalog.look(ACCOUNT, "shop", "t", [folder_of(table).parent / "a.csv"], Wishes(snapshot="1"))


def test_a_reader_of_metadata_that_dies_is_told_in_a_sentence(
    catalog: FolderCatalog, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "CHILD", "this")
    with pytest.raises(CatalogError, match="more time or memory than they may"):
        look(catalog, table)


def test_a_table_that_takes_too_many_bytes_to_name_is_refused(
    table: Table, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(child, "ANSWER_BYTES", 200)
    monkeypatch.setattr(sys, "argv", ["child", "iceberg", str(state_of(table)), ""])
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    child.main()
    assert "200 are the most. Compact the table" in json.loads(capsys.readouterr().out)["refused"]


def test_no_more_is_remembered_of_tables_than_so_many_bytes(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots, kind = planning.Snapshots(), Ours.ICEBERG
    snapshots.plan(kind, str(state_of(table)), "")
    first = state_of(table)
    table.append(table.scan().to_arrow())
    monkeypatch.setattr(remembering, "_REMEMBERED_BYTES", 1)
    snapshots.plan(kind, str(state_of(table)), "")
    monkeypatch.setattr(planning, "CHILD", "this")
    with pytest.raises(UnusableFiles):
        snapshots.plan(kind, str(first), "")


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "whiteroom.catalog.snapshots.iceberg", None)
    monkeypatch.setattr(sys, "argv", ["child", "iceberg", "/nowhere", ""])
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    child.main()
    assert "Whiteroom's extra 'iceberg'" in json.loads(capsys.readouterr().out)["refused"]


@pytest.mark.parametrize("astray", ["", "/."])
def test_a_file_of_rows_that_is_said_to_hold_deletes_too_is_refused(
    catalog: FolderCatalog, table: Table, astray: str
) -> None:
    [uri] = uris(table)
    folder, _, name = uri.rpartition("/")
    add_snapshot(table, deletes_file(f"{folder}{astray}/{name}", 100, 1))
    with pytest.raises(CatalogError, match="its metadata list a file twice"):
        look(catalog, table)
