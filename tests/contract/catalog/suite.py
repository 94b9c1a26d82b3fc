"""What every implementation of ports.Catalog and of ports.SchemaReader keeps to. Subclass, and give the fixtures.

`catalog` has the table KNOWN with the columns COLUMNS, and no other; `read` is a reader of schemas, `look`
one of snapshots.
"""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, PositionDeletes, Snapshot
from whiteroom.ports.catalog import Catalog, SchemaReader, SnapshotReader, TableNotFound, UnusableFiles

KNOWN = ("111111111111", "shop", "people")
COLUMNS = (Column("id", "bigint"), Column("name", "string"))
UNKNOWN = (
    ("222222222222", "shop", "people"),
    ("111111111111", "other", "people"),
    ("111111111111", "shop", "other"),
    ("111111111111", "shop", "../people"),
    ("111111111111", "", ""),
)
"""The first one is another account's."""


class CatalogContract:
    ports: tuple[type, ...] = (Catalog,)
    known_format = FileFormat.CSV

    def test_a_table_has_its_columns_and_the_files_that_hold_it(self, catalog: Catalog) -> None:
        found = catalog.resolve(*KNOWN)
        assert found.columns == COLUMNS
        assert found.format is self.known_format
        assert found.files or found.elsewhere
        assert all(Path(file).is_absolute() for file in found.files)

    def test_who_asks_again_is_told_the_same(self, catalog: Catalog) -> None:
        assert catalog.resolve(*KNOWN) == catalog.resolve(*KNOWN)

    @pytest.mark.parametrize("name", UNKNOWN)
    def test_a_table_that_the_account_has_not_is_not_found_and_the_owner_is_told_in_a_sentence(
        self, catalog: Catalog, name: tuple[str, str, str]
    ) -> None:
        for _ in range(2):
            with pytest.raises(TableNotFound, match=r"\.$"):
                catalog.resolve(*name)


UNUSABLE: tuple[tuple[dict[str, str], FileFormat, str], ...] = (
    ({"a.csv": "a,b\n1,2\n1,2,SECRET\n"}, FileFormat.CSV, "a.csv"),
    ({"a.csv": "a\n1\n", "b.csv": "SECRET\n1\n"}, FileFormat.CSV, "b.csv"),
    ({"a.jsonl": '{"a": 1}\n{"a": SECRET}\n'}, FileFormat.JSON_LINES, "a.jsonl"),
    ({"a.jsonl": '{"a": {"b": "SECRET"}}\n'}, FileFormat.JSON_LINES, "a.jsonl"),
    ({"a.parquet": "SECRET"}, FileFormat.PARQUET, "a.parquet"),
)
"""Files, what they are said to be, and which of them is named."""


class SchemaReaderContract:
    ports: tuple[type, ...] = (SchemaReader,)

    def test_the_columns_are_those_of_all_files_in_types_that_hold_every_value(
        self, read: SchemaReader, tmp_path: Path
    ) -> None:
        files = written(tmp_path, {"a.csv": "id,name\n1,2\n", "b.csv": "id,name\n2,Ann\n"})
        assert read(files, FileFormat.CSV).columns == COLUMNS

    def test_lines_of_json_have_columns_too(self, read: SchemaReader, tmp_path: Path) -> None:
        files = written(tmp_path, {"a.jsonl": '{"id": 1, "name": "Ann"}\n{"id": 2}\n'})
        assert read(files, FileFormat.JSON_LINES).columns == COLUMNS

    @pytest.mark.parametrize(("files", "file_format", "named"), UNUSABLE)
    def test_files_that_cannot_be_a_table_are_named_and_none_of_their_rows_is(
        self, read: SchemaReader, tmp_path: Path, files: dict[str, str], file_format: FileFormat, named: str
    ) -> None:
        with pytest.raises(UnusableFiles) as caught:
            read(written(tmp_path, files), file_format)
        assert named in str(caught.value)
        assert "SECRET" not in str(caught.value)


class SnapshotReaderContract:
    ports: tuple[type, ...] = (SnapshotReader,)

    def test_the_rows_are_those_that_the_metadata_name_and_no_others(
        self, look: SnapshotReader, tmp_path: Path
    ) -> None:
        files = parquet(
            tmp_path, {"a": "SELECT 1 AS id UNION ALL SELECT 2", "b": "SELECT 3 AS id", "c": "SELECT 4 AS id"}
        )
        (tmp_path / "deletes").mkdir()
        [deletes] = parquet(tmp_path / "deletes", {"d": "SELECT 'file:///a' AS file_path, 1::BIGINT AS pos"})
        snapshot = Snapshot(
            "7", constants={"yr": ("2024", None)}, deletes=(PositionDeletes(deletes, (("file:///a", 0),)),)
        )
        columns = (Column("id", "int"), Column("yr", "bigint"), Column("new", "string"))
        found = look(CatalogTable(files[:2], FileFormat.PARQUET, columns, snapshot=snapshot))
        assert (found.rows, found.first_rows) == (2, (("1", "2024", None), ("3", None, None)))
        assert found.columns == columns

    def test_a_table_without_files_has_no_rows(self, look: SnapshotReader) -> None:
        table = CatalogTable((), FileFormat.PARQUET, (Column("id", "int"),), snapshot=Snapshot(""))
        assert (look(table).rows, look(table).first_rows) == (0, ())

    @pytest.mark.parametrize("sql", ["SELECT 1.5::DOUBLE AS id", "SELECT 'SECRET' AS id", "SELECT [1] AS id"])
    def test_a_file_that_is_not_what_the_metadata_say_is_named(
        self, look: SnapshotReader, tmp_path: Path, sql: str
    ) -> None:
        table = CatalogTable(
            parquet(tmp_path, {"a": sql}), FileFormat.PARQUET, (Column("id", "bigint"),), snapshot=Snapshot("1")
        )
        with pytest.raises(UnusableFiles, match=r"a\.parquet is not what the table's metadata say") as refused:
            look(table)
        assert "SECRET" not in str(refused.value)


def parquet(folder: Path, rows: dict[str, str]) -> tuple[str, ...]:
    """Files of Parquet with the rows of queries."""
    for name, sql in rows.items():
        duckdb.sql(f"COPY ({sql}) TO '{folder / name}.parquet'")
    return tuple(str(folder / f"{name}.parquet") for name in rows)


def written(folder: Path, files: dict[str, str]) -> list[str]:
    for name, text in files.items():
        (folder / name).write_text(text)
    return [str(folder / name) for name in files]
