"""Queries over tables of Iceberg and Delta: the rows of one state, which is recorded with the query."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow
import pytest
from deltalake import DeltaTable, write_deltalake
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType

from contract.sql_engine.conftest import OWNER, EngineFolder
from support.iceberg_tables import deleting, folder_of, new_table, rows, uris
from whiteroom.catalog.folder import FolderCatalog
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, Snapshot
from whiteroom.domain.privacy.readings import NO_WISHES, Wishes
from whiteroom.engines.duckdb.files.snapshots import find_other
from whiteroom.engines.duckdb.schemas import read_schema, read_snapshot
from whiteroom.engines.duckdb.tables import BrokenData, check_unchanged, marks_of, view_statements

SCHEMA = Schema(NestedField(1, "id", LongType()), NestedField(2, "name", StringType()))


def share(folder: EngineFolder, source: Path, wishes: Wishes = NO_WISHES) -> CatalogTable:
    """The table `t`, as the catalog says it now."""
    catalog = FolderCatalog(folder.path / "catalog", read_schema, read_snapshot)
    catalog.add(OWNER, "lake", "t", [source], wishes)
    resolved = catalog.resolve(OWNER, "lake", "t")
    folder.tables.clear()
    folder.add("t", [], {column.name: column.type for column in resolved.columns}, FileFormat.PARQUET)
    folder.tables[0] = replace(folder.tables[0], source=resolved)
    return resolved


def test_a_channel_can_be_made_again_from_the_same_rows_of_iceberg(folder: EngineFolder) -> None:
    table = new_table(folder.path / "lake", SCHEMA)
    table.append(rows(SCHEMA, id=[1, 2, 3], name=["a", "b", "c"]))
    table.append(rows(SCHEMA, id=[4, 5], name=["d", "e"]))
    of_two = uris(table)
    deleting(table, {of_two[0]: [0], of_two[1]: [0]})
    share(folder, folder_of(table))
    sql = "SELECT id, name FROM t WHERE id > 0"
    seen, _ = folder.run(sql)
    assert seen.judgement is not None
    [read] = seen.judgement.tables
    assert read.snapshot == "4000000000"
    first = folder.text(sql)
    assert sorted(first.split()) == ["2,b", "3,c", "5,e", "id,name"]
    later = new_table(folder.path / "other", SCHEMA)
    later.append(rows(SCHEMA, id=[9], name=["z"]))
    share(folder, folder_of(later))
    assert folder.text(sql) == "id,name\n9,z\n"
    share(folder, folder_of(table), Wishes(snapshot=read.snapshot))
    assert folder.text(sql) == first
    assert folder.text("SELECT count(*) AS n FROM t") == "n\n3\n"


def test_a_channel_can_be_made_again_from_the_same_rows_of_delta(folder: EngineFolder) -> None:
    lake = folder.path / "lake"
    write_deltalake(str(lake), pyarrow.table({"id": [1, 2, 3], "who": ["a b", "c=d", None]}), partition_by=["who"])
    share(folder, lake)
    sql = "SELECT who, id FROM t ORDER BY id"
    first = folder.text(sql)
    assert first == "who,id\na b,1\nc=d,2\n,3\n"
    seen, _ = folder.run(sql)
    assert seen.judgement is not None
    assert [table.snapshot for table in seen.judgement.tables] == ["0"]
    DeltaTable(str(lake)).delete("id = 2")
    share(folder, lake)
    assert folder.text(sql) == "who,id\na b,1\n,3\n"
    share(folder, lake, Wishes(snapshot="0"))
    assert folder.text(sql) == first


def test_rows_that_are_deleted_are_in_no_private_query_and_in_no_count(folder: EngineFolder) -> None:
    table = new_table(folder.path / "lake", SCHEMA)
    table.append(rows(SCHEMA, id=[1, 2, 3], name=["a", "b", "c"]))
    deleting(table, {uris(table)[0]: [1]})
    share(folder, folder_of(table))
    with duckdb.connect() as connection:
        for statement in view_statements(connection, "v", folder.tables[0], None, row_keys=True, private=True):
            connection.execute(statement)
        assert connection.execute("SELECT id FROM v ORDER BY 1").fetchall() == [(1,), (3,)]


PLACES = ("file_row_number", "File_Index", "rowid", "filename")
"""What DuckDB calls a row's place, which a table's own columns may be called too."""


def test_columns_called_as_places_of_rows_bring_no_deleted_row_back(folder: EngineFolder) -> None:
    schema = Schema(*(NestedField(number, name, LongType()) for number, name in enumerate(("id", *PLACES), 1)))
    table = new_table(folder.path / "lake", schema)
    table.append(rows(schema, id=[1, 2, 3], **{name: [7, 8, 9] for name in PLACES}))
    deleting(table, {uris(table)[0]: [1]})
    share(folder, folder_of(table))
    names = ", ".join(PLACES)
    assert folder.text(f"SELECT id, {names} FROM t ORDER BY id", csv_header=False) == "1,7,7,7,7\n3,9,9,9,9\n"
    assert folder.text("SELECT count(*) AS n FROM t") == "n\n2\n"


def test_columns_called_as_places_of_rows_change_no_value_of_a_partition(folder: EngineFolder) -> None:
    lake = folder.path / "lake"
    columns = {"id": [1, 2], "day": ["a", "b"], **{name: [1, 0] for name in PLACES}}
    write_deltalake(str(lake), pyarrow.table(columns), partition_by=["day"])
    share(folder, lake)
    assert folder.text(f"SELECT id, day, {', '.join(PLACES)} FROM t ORDER BY id", csv_header=False) == (
        "1,a,1,1,1,1\n2,b,0,0,0,0\n"
    )
    assert folder.text("SELECT day FROM t ORDER BY day", csv_header=False) == "a\nb\n"


def test_a_file_of_deletes_that_is_broken_or_changes_is_told(folder: EngineFolder) -> None:
    table = new_table(folder.path / "lake", SCHEMA)
    table.append(rows(SCHEMA, id=[1, 2, 3], name=["a", "b", "c"]))
    deletes = deleting(table, {uris(table)[0]: [1]})
    share(folder, folder_of(table))
    marks = marks_of(folder.tables)
    deletes.write_bytes(deletes.read_bytes()[:-20])
    seen, _ = folder.run("SELECT id FROM t")
    assert seen.failure is QueryFailure.DATA
    assert deletes.name in seen.message
    with pytest.raises(BrokenData, match="was changed while it was read"):
        check_unchanged(folder.tables, marks)


@pytest.mark.parametrize("sql", ["SELECT 1.5::DOUBLE AS id, 'x' AS name", "SELECT 'SECRET' AS id, 'x' AS name"])
def test_a_file_that_became_another_is_told_and_nothing_of_it_is_read(folder: EngineFolder, sql: str) -> None:
    lake = folder.path / "lake"
    write_deltalake(str(lake), pyarrow.table({"id": [1], "name": ["a"]}))
    table = share(folder, lake)
    duckdb.sql(f"COPY ({sql}) TO '{table.files[0]}'")
    seen, _ = folder.run("SELECT id FROM t")
    assert seen.failure is QueryFailure.DATA
    assert "and not bigint. The owner must write the table anew." in seen.message
    assert "SECRET" not in seen.message


def test_a_file_without_the_column_that_the_table_is_partitioned_by_is_not_read_as_null(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    duckdb.sql(f"COPY (SELECT 1::BIGINT AS id, [2] AS \"list\") TO '{file}' (FIELD_IDS {{id: 1}})")
    columns = (Column("id", "bigint"), Column("element", "int"))
    snapshot = Snapshot("1", {"id": 1, "element": 2}, held=("element",))
    with duckdb.connect() as connection:
        table = CatalogTable((str(file),), FileFormat.PARQUET, columns, snapshot=snapshot)
        assert find_other(connection, table, snapshot) == (
            str(file),
            "it lacks column 'element', by which the table is partitioned",
        )
        assert find_other(connection, table, replace(snapshot, held=())) is None
