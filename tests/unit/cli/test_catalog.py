from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest

from support.command import CommandLine

ALICE = "111111111111"
BOB = "222222222222"


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    path = tmp_path / "visits.csv"
    path.write_text("patient,age\n1,50\n2,60\n")
    return path


@pytest.fixture(autouse=True)
def accounts(cli: CommandLine) -> None:
    """The accounts whose tables are added."""
    for account in (ALICE, BOB):
        cli("accounts", "add", account)


def test_an_added_table_is_listed_and_shown_with_its_columns(cli: CommandLine, visits: Path) -> None:
    answer = cli("catalog", "add", "hospital.visits", str(visits), "--account", ALICE)
    assert (answer.code, answer.out) == (0, f"hospital.visits of account {ALICE}: 1 file, csv, 2 columns, 2 rows.\n")
    assert "hospital.visits" in cli("catalog", "list").out
    shown = cli("catalog", "show", "hospital.visits", "--account", ALICE, "--json").json
    assert shown["columns"] == [{"name": "patient", "type": "bigint"}, {"name": "age", "type": "bigint"}]
    assert shown["files"] == [str(visits.resolve())]
    assert "patient" in cli("catalog", "show", "hospital.visits", "--account", ALICE).out


def test_tables_are_listed_by_account(cli: CommandLine, visits: Path) -> None:
    for account in (ALICE, "222222222222"):
        cli("catalog", "add", "hospital.visits", str(visits), "--account", account)
    rows = cli("catalog", "list", "--account", "222222222222", "--json").json
    assert [row["accountId"] for row in rows] == ["222222222222"]
    assert len(cli("catalog", "list", "--json").json) == 2


def test_an_empty_catalog_says_how_to_add_a_table(cli: CommandLine, visits: Path) -> None:
    cli("catalog", "add", "hospital.visits", str(visits), "--account", ALICE)
    cli("catalog", "remove", "hospital.visits", "--account", ALICE)
    answer = cli("catalog", "list")
    assert (answer.code, answer.out) == (0, "")
    assert "catalog add" in answer.err


def test_a_removed_table_is_gone_and_its_file_stays(cli: CommandLine, visits: Path) -> None:
    cli("catalog", "add", "hospital.visits", str(visits), "--account", ALICE)
    assert cli("catalog", "remove", "hospital.visits", "--account", ALICE).code == 0
    assert cli("catalog", "show", "hospital.visits", "--account", ALICE).code == 1
    assert visits.exists()


@pytest.mark.parametrize("name", ["visits", "hospital.", ".visits", ""])
@pytest.mark.parametrize("verb", ["add", "show", "remove"])
def test_a_table_is_named_by_database_and_name(cli: CommandLine, visits: Path, verb: str, name: str) -> None:
    paths = [str(visits)] if verb == "add" else []
    answer = cli("catalog", verb, name, *paths, "--account", ALICE)
    assert answer.code == 1
    assert "DATABASE.TABLE" in answer.err


@pytest.mark.parametrize(
    ("table", "account", "content"),
    [
        ("hospital.visits", "1", "a\n1\n"),
        ("../../etc.passwd", ALICE, "a\n1\n"),
        ("hospital.visits", ALICE, ""),
        ("hospital.visits", ALICE, "a,a\n1,2\n"),
    ],
)
def test_what_cannot_be_a_table_is_refused_in_a_sentence(
    cli: CommandLine, visits: Path, table: str, account: str, content: str
) -> None:
    visits.write_text(content)
    answer = cli("catalog", "add", table, str(visits), "--account", account)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.count("\n") == 1


@pytest.mark.parametrize("verb", ["show", "remove"])
def test_a_table_that_is_not_there_is_refused(cli: CommandLine, visits: Path, verb: str) -> None:
    cli("catalog", "add", "hospital.visits", str(visits), "--account", ALICE)
    answer = cli("catalog", verb, "hospital.deaths", "--account", ALICE)
    assert answer.code == 1
    assert "hospital.deaths" in answer.err


def test_a_table_without_files_is_a_usage_error(cli: CommandLine) -> None:
    assert cli("catalog", "add", "hospital.visits", "--account", ALICE).code == 2


@pytest.mark.parametrize(
    ("account", "said"),
    [
        ("222222222221", "There is no account 222222222221. Did you mean '222222222222'?"),
        ("987654321098", "`whiteroom accounts add 987654321098` makes it."),
        ("1", "twelve digits"),
        ("\u0661" * 12, "twelve digits"),
    ],
)
def test_an_account_that_is_not_there_has_no_tables(cli: CommandLine, visits: Path, account: str, said: str) -> None:
    answer = cli("catalog", "add", "hospital.visits", str(visits), "--account", account)
    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err
    assert cli("catalog", "list", "--json").json == []


def test_a_removed_account_gets_no_tables_any_more(cli: CommandLine, visits: Path) -> None:
    cli("accounts", "remove", BOB)
    assert cli("catalog", "add", "hospital.visits", str(visits), "--account", BOB).code == 1


def test_in_development_mode_an_account_is_its_number(
    cli: CommandLine, visits: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    add = ("catalog", "add", "hospital.visits", str(visits), "--account", "987654321098")
    first = CommandLine(tmp_path / "fresh")(*add)
    assert first.code == 0
    assert "There are no accounts yet" in first.err
    monkeypatch.setenv("WHITEROOM_DEV", "true")
    assert cli(*add).code == 0


NO_TABLES: dict[str, tuple[str, bytes]] = {
    "a web page under a table's name": ("page.csv", b"<!DOCTYPE html>\n<p>Log in</p>\n"),
    "XML": ("feed.xml", b"\n <?xml version='1.0'?>\n<a/>\n"),
    "PDF": ("report.pdf", b"%PDF-1.4\nobj\n"),
    "a script": ("run.sh", b"#!/bin/sh\necho a\n"),
    "a program": ("ls.csv", b"\x7fELF\x02\x01\x01"),
    "a spreadsheet": ("visits.xlsx", b"PK\x03\x04\x14\x00"),
    "a CSV in xz": ("visits.csv.xz", lzma.compress(b"a,b\n1,2\n")),
    "a database": ("visits.db", b"SQLite format 3\x00"),
    "a picture": ("scan.csv", b"\x89PNG\r\n\x1a\n"),
    "UTF-16": ("visits.csv", "a,b\n1,2\n".encode("utf-16")),
    "noise": ("visits.csv", bytes(range(256)) * 20),
    "noise without a name": ("visits", bytes(range(256)) * 20),
    "a note": ("notes.txt", b"to do\nbuy milk\n"),
    "prose": ("readme.md", b"# Hello\n\nThis, and that, and more.\n"),
    "a program's text": ("app.py", b"import os\nprint(os, os)\n"),
    "a JSON array": ("visits.json", b'[{"a": 1}, {"a": 2}]'),
    "numbers as JSON": ("visits.jsonl", b"1\n2\n"),
    "texts as JSON": ("visits.jsonl", b'"a"\n"b"\n'),
    "arrays as JSON": ("visits.jsonl", b"[1, 2]\n[3, 4]\n"),
    "nothing as JSON": ("visits.jsonl", b"null\nnull\n"),
    "objects without members": ("visits.jsonl", b"{}\n{}\n"),
    "JSON over several lines": ("visits.json", b'{\n"a": 1\n}\n'),
    "Parquet that is none": ("visits.parquet", b"a,b\n1,2\n"),
    "Parquet that was cut": ("visits.parquet", b"PAR1junk"),
    "empty lines": ("visits.csv", b"\n\n\n"),
    "nothing": ("visits.csv", b""),
}


@pytest.mark.parametrize("what", NO_TABLES)
def test_a_file_that_is_no_table_is_refused_with_its_name_and_why(cli: CommandLine, tmp_path: Path, what: str) -> None:
    name, content = NO_TABLES[what]
    (tmp_path / name).write_bytes(content)
    answer = cli("catalog", "add", "hospital.visits", str(tmp_path / name), "--account", ALICE)
    assert (answer.code, answer.out) == (1, "")
    assert str(tmp_path / name) in answer.err
    assert answer.err.count("\n") == 1
    assert cli("catalog", "list", "--json").json == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("visits", b"a,b\n1,2\n"),
        ("visits.txt", b"a,b\n1,2\n"),
        ("part-00000", b'{"a": 1}\n'),
        ("one.csv", b"a\n1\n"),
        ("marked.csv", b"\xef\xbb\xbfa,b\n1,2\n"),
        ("header.csv", b"a,b\n"),
        ("quoted.csv", b'"a;b",c\n1,2\n'),
        ("semicolons.csv", b"a;b\n1;2\n"),
        ("tabs.tsv", b"a\tb\n1\t2\n"),
        ("bars.txt", b"a|b\n1|2\n"),
        ("visits.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0)),
        ("visits.csv.bz2", bz2.compress(b"a,b\n1,2\n")),
        ("unsaid.csv", gzip.compress(b"a,b\n1,2\n", mtime=0)),
    ],
)
def test_a_table_is_one_whatever_it_is_called(cli: CommandLine, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    answer = cli("catalog", "add", "hospital.visits", str(tmp_path / name), "--account", ALICE)
    assert answer.code == 0, answer.err


def test_a_preview_shows_how_files_are_read_with_the_first_rows_and_adds_nothing(
    cli: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "visits.csv"
    file.write_text("patient;born;[red]note\n1;31/12/1990;'x;y'\n2;NA;\x1b[2J\n")
    options = ("--quote", "'", "--null", "NA", "--date-format", "dd/MM/yyyy", "--type", "patient=string", "--preview")
    answer = cli("catalog", "add", "hospital.visits", str(file), "--account", ALICE, *options)
    assert answer.code == 0, answer.err
    assert "1 file, csv, 3 columns, 2 rows." in answer.out
    assert "Read with separator ';', quote \"'\", NULL is 'NA' or nothing, dates dd/MM/yyyy." in answer.out
    assert ["patient", "string"] in [line.split() for line in answer.out.splitlines()]
    assert "1990-12-31" not in answer.out
    assert "1        31/12/1990  x;y" in answer.out
    assert "[red]note" in answer.out
    assert "\x1b[2J" not in answer.out
    assert "Nothing was added" in answer.err
    assert cli("catalog", "list", "--json").json == []


def test_what_is_said_of_files_is_kept_with_their_table(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "visits.csv"
    file.write_text("by hand\n\na\tb\n1\t2\n")
    options = ("--separator", "tab", "--skip-lines", "2", "--escape", "\\")
    assert cli("catalog", "add", "hospital.visits", str(file), "--account", ALICE, *options).code == 0
    reading = cli("catalog", "show", "hospital.visits", "--account", ALICE, "--json").json["reading"]
    assert (reading["delimiter"], reading["skip_lines"], reading["escape"], reading["strict"]) == ("\t", 2, "\\", True)


@pytest.mark.parametrize(
    "options", [("--type", "age"), ("--type", "ssn=int"), ("--separator", ",,"), ("--date-format", "x")]
)
def test_what_cannot_be_said_of_files_is_refused_in_a_sentence(
    cli: CommandLine, visits: Path, options: tuple[str, str]
) -> None:
    answer = cli("catalog", "add", "hospital.visits", str(visits), "--account", ALICE, *options)
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert cli("catalog", "list", "--json").json == []
