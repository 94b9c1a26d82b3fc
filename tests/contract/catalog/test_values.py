"""What the values of files are taken for: nothing is lost, and what could be text is text."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from contract.catalog.test_folder import ACCOUNT, write
from whiteroom.catalog.folder import CatalogError, FolderCatalog
from whiteroom.domain.privacy.query_tables import Column, Reading
from whiteroom.domain.privacy.readings import NO_WISHES, Wishes, date_pattern
from whiteroom.engines.duckdb.files.dialects import MAX_COLUMNS
from whiteroom.engines.duckdb.schemas import read_schema


@pytest.fixture
def catalog(tmp_path: Path) -> FolderCatalog:
    return FolderCatalog(tmp_path / "catalog", read_schema)


def types(catalog: FolderCatalog, file: Path, wishes: Wishes = NO_WISHES) -> list[str]:
    return [column.type for column in catalog.add(ACCOUNT, "shop", "t", [file], wishes).columns]


CSV_TYPES = {
    "9223372036854775807": "bigint",
    "9223372036854775808": "decimal(38,0)",
    "9" * 38: "decimal(38,0)",
    "9" * 39: "string",
    "1.5\n9007199254740993": "string",
    "1.5\n12": "double",
    "1.5e300\n1e-05\n-.5": "double",
    "007": "string",
    "1\n1e3": "string",
    "1_000": "string",
    "NaN\n1.5": "string",
    "Infinity\n1": "string",
    "t\nf": "string",
    "true\nFALSE": "boolean",
    "31/12/2020": "string",
    "2020-01-02": "date",
    "2020-01-02\n2020-01-02 10:00": "timestamp",
    "2020-01-02T10:00:00.5Z": "timestamp",
    "2020-01-02T10:00:00+02:00": "string",
    "2020-01-02 10:00:00.1234567": "string",
    "2020-02-30": "string",
    "2020-01-02 24:00:00": "string",
    "2020-01-02 23:59:60": "string",
}


@pytest.mark.parametrize("written", CSV_TYPES)
def test_a_column_has_the_first_type_that_loses_nothing_of_what_is_written(
    catalog: FolderCatalog, tmp_path: Path, written: str
) -> None:
    assert types(catalog, write(tmp_path / "a.csv", f"a\n{written}\n")) == [CSV_TYPES[written]]


def test_what_the_sample_does_not_show_is_found_in_the_rows_behind_it(catalog: FolderCatalog, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "a,b,c\n" + "1,2,x\n" * 20_000 + "9223372036854775808,007,y\n")
    assert types(catalog, file) == ["decimal(38,0)", "string", "string"]


def test_lines_of_json_keep_integers_beyond_64_bits(catalog: FolderCatalog, tmp_path: Path) -> None:
    lines = '{"a": 123456789012345678901, "b": 9007199254740993, "c": "007"}\n{"a": 1, "b": 1.5, "c": "8"}\n'
    assert types(catalog, write(tmp_path / "a.jsonl", lines)) == ["decimal(38,0)", "string", "string"]


def test_a_type_that_the_owner_chose_holds_and_a_value_of_another_is_named_by_line_and_column(
    catalog: FolderCatalog, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.csv", 'id,n\n1,"x\ny"\n\n2,3\n3.7,4\n')
    assert types(catalog, file, Wishes(types=(Column("ID", "string"),))) == ["string", "string"]
    with pytest.raises(CatalogError, match=r"a\.csv, line 6, column 'id': the value is not written as one of type int"):
        types(catalog, file, Wishes(types=(Column("id", "int"),)))
    with pytest.raises(CatalogError, match="has no column 'ssn'"):
        types(catalog, file, Wishes(types=(Column("ssn", "int"),)))
    with pytest.raises(CatalogError, match="'money' cannot be queried"):
        types(catalog, file, Wishes(types=(Column("id", "money"),)))


def test_dates_are_read_by_the_format_that_the_owner_gives(catalog: FolderCatalog, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "a,b\n1/12/2020,31/12/2020 10:00\n")
    wishes = Wishes(date_format="d/MM/yyyy", timestamp_format="dd/MM/yyyy HH:mm")
    assert types(catalog, file, wishes) == ["date", "timestamp"]
    assert types(catalog, write(tmp_path / "b.csv", "a\n1/12/20\n"), wishes) == ["string"]


@pytest.mark.parametrize("written", ["", "dd/MM", "dd/MM/yyyy HH", "dd/MM/yyyy'", "%d/%m/%Y", "DD/MM/YYYY"])
def test_what_is_no_format_of_dates_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="no format of dates"):
        date_pattern(written, times=False)


READINGS: dict[str, tuple[str, Reading, list[str]]] = {
    "semicolons, and commas in numbers": ("a;b\n1,5;2\n", Reading(delimiter=";"), ["a", "b"]),
    "tabs": ("a\tb\n1\t2\n", Reading(delimiter="\t"), ["a", "b"]),
    "bars": ('a|b\n1|"x|y"\n', Reading(delimiter="|"), ["a", "b"]),
    "single quotes": ("'a','b'\n'1,2','it''s'\n", Reading(quote="'", escape="'"), ["a", "b"]),
    "backslashes": ('a,b\n"x\\"y",1\n', Reading(escape="\\"), ["a", "b"]),
    "a backslash at a field's end": ('a,b\n"x\\",1\n', Reading(), ["a", "b"]),
    "a header with blanks": (" first name , b \n1,2\n", Reading(), ["first name", "b"]),
    "an index without a name": (",a\n0,1\n", Reading(), ["_c0", "a"]),
    "blank lines": ("\n\na,b\n1,2\n\n3,4\n\n", Reading(skip_lines=2), ["a", "b"]),
    "one column with semicolons in it": ("name\nSmith; Ann\nLee\n", Reading(), ["name"]),
}


@pytest.mark.parametrize("what", READINGS)
def test_how_a_csv_is_written_is_found_once_and_kept(catalog: FolderCatalog, tmp_path: Path, what: str) -> None:
    text, reading, names = READINGS[what]
    added = catalog.add(ACCOUNT, "shop", "t", [write(tmp_path / "a.csv", text)])
    assert (added.reading, [column.name for column in added.columns]) == (reading, names)
    assert catalog.resolve(ACCOUNT, "shop", "t") == added


def test_what_the_owner_says_of_a_csv_holds(catalog: FolderCatalog, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "Title; x\nof 2024\na~b\n1~`x~y`\n-~`NA`\n")
    wishes = Wishes(delimiter="~", quote="`", skip_lines=2, null_words=("NA", "-"))
    looked = catalog.look(ACCOUNT, "shop", "t", [file], wishes)
    assert looked.found.first_rows == (("1", "x~y"), (None, None))
    assert looked.found.columns == (Column("a", "bigint"), Column("b", "string"))
    assert catalog.list() == []


WRONG_WISHES = {
    "a separator of two": Wishes(delimiter=",,"),
    "a line end": Wishes(quote="\n"),
    "one for both": Wishes(delimiter='"', quote='"'),
    "a format that is none": Wishes(date_format="yyyy"),
    "lines before the first": Wishes(skip_lines=-1),
}


@pytest.mark.parametrize("what", WRONG_WISHES)
def test_a_wish_that_makes_no_sense_is_refused(catalog: FolderCatalog, tmp_path: Path, what: str) -> None:
    with pytest.raises(CatalogError, match=r"\.$"):
        types(catalog, write(tmp_path / "a.csv", "a,b\n1,2\n"), WRONG_WISHES[what])


def test_what_is_said_of_text_is_refused_of_json(catalog: FolderCatalog, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="is said of CSV"):
        types(catalog, write(tmp_path / "a.jsonl", '{"a": 1}\n'), Wishes(delimiter=";"))


@pytest.mark.parametrize("columns", [MAX_COLUMNS + 1, 1_000_000])
def test_a_header_without_end_is_refused_in_a_sentence(catalog: FolderCatalog, tmp_path: Path, columns: int) -> None:
    file = write(tmp_path / "a.csv", ",".join(f"c{number}" for number in range(columns)) + "\n")
    with pytest.raises(CatalogError, match="line 1: the header"):
        types(catalog, file)


def test_a_table_of_an_earlier_release_is_read_as_it_was(catalog: FolderCatalog, tmp_path: Path) -> None:
    added = catalog.add(ACCOUNT, "shop", "t", [write(tmp_path / "a.csv", "a\n1\n")])
    [kept] = (tmp_path / "catalog").rglob("t.json")
    document = json.loads(kept.read_text())
    kept.write_text(json.dumps({key: document[key] for key in document if key not in {"reading", "read_files"}}))
    found = catalog.resolve(ACCOUNT, "shop", "t")
    assert (found.columns, found.reading, found.marks) == (added.columns, Reading(strict=False), ("",))


def test_a_file_that_changed_has_no_mark_of_what_was_read(catalog: FolderCatalog, tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "a\n1\n")
    added = catalog.add(ACCOUNT, "shop", "t", [file])
    assert catalog.resolve(ACCOUNT, "shop", "t").marks == added.marks != ("",)
    moved = write(tmp_path / "b.csv", "a\n2\n")
    os.replace(moved, file)  # noqa: PTH105 -- as a program does
    assert catalog.resolve(ACCOUNT, "shop", "t").marks == added.marks


@pytest.mark.parametrize("encoding", ["latin-1", "windows-1252"])
def test_text_that_is_not_in_utf_8_is_told_by_its_line(catalog: FolderCatalog, tmp_path: Path, encoding: str) -> None:
    text = "id,name\n" + "1,Ann\n" * 200_000 + "2,Zo\u00eb\n"
    with pytest.raises(
        CatalogError, match=r"line 200002, character 5 is not in UTF-8\. It may be in Latin-1 or Windows-1252"
    ):
        types(catalog, write(tmp_path / "a.csv", text.encode(encoding)))
    assert types(catalog, write(tmp_path / "a.csv", text)) == ["bigint", "string"]


def test_text_that_ends_within_a_character_is_told_by_its_line(catalog: FolderCatalog, tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="line 2, character 3 is not in UTF-8"):
        types(catalog, write(tmp_path / "a.csv", b"name\nZo\xc3"))
