"""What queries make of text as people write it: each value as it is written, or an error that names its place."""

from __future__ import annotations

import bz2
import gzip
import os
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from contract.sql_engine.conftest import EngineFolder
from whiteroom.domain.execution.queries import QueryFailure
from whiteroom.domain.privacy.query_tables import CatalogTable, Column, FileFormat, Reading
from whiteroom.domain.privacy.readings import Wishes
from whiteroom.engines.duckdb.files.checking import Misfit, find_misfit, mark_of
from whiteroom.engines.duckdb.schemas import read_schema
from whiteroom.engines.duckdb.tables import BrokenData, check_unchanged, check_values, marks_of

MISFITS = [
    ("bigint", "3.7"),
    ("bigint", "007"),
    ("int", "1e3"),
    ("int", "1_000"),
    ("tinyint", "300"),
    ("decimal(10,2)", "1.234"),
    ("double", "NaN"),
    ("float", "1e39"),
    ("boolean", "t"),
    ("date", "2020-01-02 00:00:00"),
    ("date", "2020-1-2"),
    ("timestamp", "2020-01-02T00:00:00+02:00"),
]
FITS = [
    ("bigint", " -5 "),
    ("int", "0"),
    ("decimal(10,2)", "1.2"),
    ("decimal(38,0)", "9" * 38),
    ("double", "1e3"),
    ("boolean", "True"),
    ("date", "2020-01-02"),
    ("timestamp", "2020-01-02T10:00Z"),
    ("string", "007"),
]


@pytest.mark.parametrize(("kind", "value"), MISFITS)
def test_a_value_that_is_not_written_as_its_type_is_found_by_line_and_column(
    tmp_path: Path, kind: str, value: str
) -> None:
    found = misfit(tmp_path, kind, value)
    assert found is not None
    assert found.place == "line 5, column 'b'"


@pytest.mark.parametrize(("kind", "value"), FITS)
def test_a_value_that_is_written_as_its_type_is_none(tmp_path: Path, kind: str, value: str) -> None:
    assert misfit(tmp_path, kind, value) is None


def misfit(folder: Path, kind: str, value: str) -> Misfit | None:
    file = folder / "a.csv"
    file.write_text(f'a,b\n"x\ny",\n\nz,{value}\n')
    columns = [Column("a", "string"), Column("b", kind)]
    with duckdb.connect() as connection:
        return find_misfit(connection, [str(file)], FileFormat.CSV, Reading(), columns, columns)


def test_a_value_that_is_none_of_its_type_fails_the_queries_that_read_its_column_and_no_others(
    folder: EngineFolder,
) -> None:
    file = folder.write("t.csv", "a,b\n1,x\n3.7,y\n")
    folder.add("t", [file], {"a": "bigint", "b": "string"})
    seen, spec = folder.run("SELECT a FROM t WHERE b = 'x'")
    assert seen.failure is QueryFailure.DATA
    assert "Table 't', file t.csv, line 3, column 'a': the value is not written as one of type bigint." in seen.message
    assert "3.7" not in seen.message
    assert not folder.rows(spec).exists()
    assert folder.text("SELECT b FROM t") == "b\nx\ny\n"


def test_lines_of_json_are_read_as_strictly(folder: EngineFolder) -> None:
    folder.add("t", [folder.write("t.jsonl", '{"a": 1}\n\n{"a": 3.7}\n')], {"a": "bigint"}, FileFormat.JSON_LINES)
    seen, _ = folder.run("SELECT a FROM t")
    assert "file t.jsonl, line 3, column 'a'" in seen.message


def test_a_table_is_read_as_it_was_found(folder: EngineFolder) -> None:
    file = folder.write("t.csv", "\nid;born;who\n123456789012345678901;31/12/2020;'A;B'\n123456789012345678902;NA;C\n")
    wishes = Wishes(quote="'", null_words=("NA",), date_format="dd/MM/yyyy")
    found = read_schema([str(file)], FileFormat.CSV, wishes)
    table = folder.add("t", [file], {column.name: column.type for column in found.columns})
    read_as(folder, found.reading)
    assert table.source.columns[0] == Column("id", "decimal(38,0)")
    assert folder.text("SELECT id, born, who FROM t ORDER BY id") == (
        "id,born,who\n123456789012345678901,2020-12-31,A;B\n123456789012345678902,,C\n"
    )


def test_a_table_of_an_earlier_release_is_read_as_it_was(folder: EngineFolder) -> None:
    folder.add("t", [folder.write("t.csv", "a\n007\n")], {"a": "bigint"})
    read_as(folder, Reading(strict=False))
    assert folder.text("SELECT a FROM t") == "a\n7\n"


def read_as(folder: EngineFolder, reading: Reading) -> None:
    folder.tables[-1] = replace(folder.tables[-1], source=replace(folder.tables[-1].source, reading=reading))


def test_a_file_that_was_read_through_is_not_read_twice_and_one_that_became_another_is(folder: EngineFolder) -> None:
    file = folder.write("t.csv", "a\n3.7\n")
    table = folder.add("t", [file], {"a": "bigint"})
    marked = replace(table, source=replace(table.source, marks=(mark_of(str(file)),)))
    with duckdb.connect() as connection:
        check_values(connection, marked, frozenset({"a"}), marks_of([marked]))
        os.utime(file, ns=(0, 0))
        with pytest.raises(BrokenData, match=r"line 2, column 'a'"):
            check_values(connection, marked, frozenset({"a"}), marks_of([marked]))


def test_a_file_that_changes_while_it_is_read_is_no_answer(folder: EngineFolder) -> None:
    file = folder.write("t.csv", "a\n1\n")
    table = folder.add("t", [file], {"a": "bigint"})
    before = marks_of([table])
    check_unchanged([table], before)
    file.write_text("a\n1\n2\n")
    with pytest.raises(BrokenData, match=r"Table 't', file t\.csv was changed while it was read"):
        check_unchanged([table], before)
    file.unlink()
    with pytest.raises(BrokenData, match="gone"):
        check_unchanged([table], before)


def test_files_of_parquet_that_differ_are_read_by_name_in_the_wider_type(folder: EngineFolder) -> None:
    files = [folder.path / "0.parquet", folder.path / "1.parquet"]
    duckdb.sql(f"COPY (SELECT 1::INT AS a, 'x' AS b) TO '{files[0]}'")
    duckdb.sql(f"COPY (SELECT 'y' AS c, 3000000000 AS a) TO '{files[1]}'")
    folder.add("t", files, {"a": "bigint", "b": "string", "c": "string"}, FileFormat.PARQUET)
    read_as(folder, Reading(by_name=True))
    assert folder.text("SELECT a, b, c FROM t ORDER BY a") == "a,b,c\n1,x,\n3000000000,,y\n"


def test_a_file_of_parquet_whose_type_holds_more_than_was_catalogued_is_never_rounded(folder: EngineFolder) -> None:
    file = folder.path / "0.parquet"
    duckdb.sql(f"COPY (SELECT 3.7::DOUBLE AS a) TO '{file}'")
    folder.add("t", [file], {"a": "bigint"}, FileFormat.PARQUET)
    seen, _ = folder.run("SELECT a FROM t")
    assert seen.failure is QueryFailure.DATA
    assert "file 0.parquet: column 'a' is double, and was catalogued as bigint." in seen.message


def test_a_packed_csv_is_read_as_one_that_is_not(folder: EngineFolder) -> None:
    file = folder.write("t.csv.gz", gzip.compress(b"a,b\n1,x\n3.7,y\n"))
    folder.add("t", [file], {"a": "bigint", "b": "string"})
    assert folder.text("SELECT b FROM t") == "b\nx\ny\n"
    seen, _ = folder.run("SELECT a FROM t")
    assert "file t.csv.gz, line 3, column 'a'" in seen.message


def test_columns_that_folders_name_are_queried_as_any_other(folder: EngineFolder) -> None:
    files = []
    for year in ("2024", "2025"):
        (folder.path / f"yr={year}").mkdir()
        files.append(folder.write(f"yr={year}/a.csv", f"a\nx{year}\n"))
    folder.add("t", files, {"a": "string", "yr": "bigint"})
    read_as(folder, Reading(partitions=("yr",)))
    assert folder.text("SELECT a, yr + 1 AS n FROM t WHERE yr > 2024") == "a,n\nx2025,2026\n"


def test_a_folder_whose_value_is_none_of_its_type_fails_the_query(folder: EngineFolder) -> None:
    (folder.path / "yr=SECRET").mkdir()
    file = folder.path / "yr=SECRET" / "a.parquet"
    duckdb.sql(f"COPY (SELECT 1::BIGINT AS a) TO '{file}'")
    folder.add("t", [file], {"a": "bigint", "yr": "bigint"}, FileFormat.PARQUET)
    read_as(folder, Reading(partitions=("yr",)))
    seen, _ = folder.run("SELECT a, yr FROM t")
    assert "file a.parquet, column 'yr': the value is not written as one of type bigint" in seen.message
    assert "SECRET" not in seen.message


def copied(folder: EngineFolder, name: str, content: bytes, encoding: str, columns: dict[str, str]) -> CatalogTable:
    """A table of one file that is read from a copy, as the catalog says it."""
    folder.add("t", [folder.write(name, content)], columns)
    source = replace(folder.tables[-1].source, copies=str(folder.path / "copies"), reading=Reading(encoding=encoding))
    folder.tables[-1] = replace(folder.tables[-1], source=source)
    return source


def test_a_table_that_no_engine_reads_as_it_is_is_queried_as_any_other(folder: EngineFolder) -> None:
    text = "id,name\n1,Zo\u00eb\n2,\u00c5sa\n".encode("cp1252")
    copied(folder, "t.csv.bz2", bz2.compress(text), "windows-1252", {"id": "bigint", "name": "string"})
    for _ in range(2):
        assert folder.text("SELECT name FROM t WHERE id = 2") == "name\n\u00c5sa\n"
    assert len([path for path in (folder.path / "copies").rglob("*") if path.is_file()]) == 1
    folder.write("t.csv.bz2", bz2.compress(b"id,name\n2,Ann\n"))
    assert folder.text("SELECT name FROM t WHERE id = 2") == "name\nAnn\n"


CHANGED: dict[str, tuple[bytes, str]] = {
    "a byte that means nothing": (b"id,name\n1,SECRET\x81\n", "line 2, character 9 is not in windows-1252"),
    "a broken row": (b"id,name\n1,x,SECRET\n", "line 2: the row is broken"),
    "a value of another type": (b"id,name\nSECRET,x\n", "line 2, column 'id': the value is not written as"),
    "another header": (b"id,SECRET\n1,x\n", "line 1: the header is not the one"),
}


@pytest.mark.parametrize("what", CHANGED)
def test_what_is_wrong_in_a_copied_file_is_told_by_its_own_name_and_line(folder: EngineFolder, what: str) -> None:
    content, words = CHANGED[what]
    copied(folder, "t.csv", content, "windows-1252", {"id": "bigint", "name": "string"})
    seen, _ = folder.run("SELECT id, name FROM t")
    assert seen.failure is QueryFailure.DATA
    assert seen.message.startswith("Table 't', file t.csv")
    assert words in seen.message
    assert "SECRET" not in seen.message


def test_a_packed_file_under_another_name_is_never_read_as_if_it_were_text(folder: EngineFolder) -> None:
    copied(folder, "t.csv", gzip.compress(b"a\n1\n"), "", {"a": "bigint"})
    assert folder.text("SELECT a FROM t") == "a\n1\n"
