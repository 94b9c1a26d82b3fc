from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import duckdb
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


def test_where_a_link_leads_that_is_named_is_said(cli: CommandLine, visits: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    added = "catalog", "add", "hospital.visits", "--account", ALICE
    for path in (tmp_path / "link" / "visits.csv", tmp_path / "link" / "*.csv"):
        answer = cli(*added, str(path))
        assert answer.code == 0
        assert f"goes through a link: the table is of {tmp_path.resolve() / path.name}." in answer.err
    for path in (visits, tmp_path / ".." / tmp_path.name / "visits.csv"):
        assert "link:" not in cli(*added, str(path)).err


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
    assert refusals(answer.err) == 1


def refusals(err: str) -> int:
    """How many sentences are errors; what was seen of the files stands before them."""
    assert err.splitlines()[-1].startswith("Error: ")
    return sum(line.startswith("Error: ") for line in err.splitlines())


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
    assert str(tmp_path / name) in answer.err.splitlines()[-1]
    assert refusals(answer.err) == 1
    assert "\x1b" not in answer.err
    assert len(answer.err) < 10_000
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
    assert (answer.code, answer.out, refusals(answer.err)) == (1, "", 1)
    assert cli("catalog", "list", "--json").json == []


def test_a_refusal_says_what_was_seen_with_the_first_lines(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "tables" / "yr=2024" / "visits.csv"
    file.parent.mkdir(parents=True)
    file.write_text("patient;born\n1;1990-12-31\n2;\x1b[2J;x\n")
    add = ("catalog", "add", "hospital.visits", str(tmp_path / "tables"), "--account", ALICE)
    answer = cli(*add)
    assert answer.code == 1
    assert answer.err.splitlines() == [
        f"Seen of {file}: csv, in folders named yr, 2 columns, 1 row that can be read.",
        "  patient bigint",
        "  born date",
        "  line 1: patient;born",
        "  line 2: 1;1990-12-31",
        "  line 3: 2;\\x1b[2J;x",
        f"Error: {file}, line 3: the row is broken. Correct it or take it out.",
    ]
    told = cli(*add, "--json").json["seen"]
    assert (told["format"], told["rows"], told["partitions"]) == ("csv", 1, ["yr"])
    assert told["columns"] == [{"name": "patient", "type": "bigint"}, {"name": "born", "type": "date"}]


def test_what_is_seen_of_a_file_has_an_end(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "wide.csv"
    file.write_text(",".join(f"c{number}" for number in range(9_000)) + "\n" + "x" * 1_000_000 + "\n")
    answer = cli("catalog", "add", "hospital.visits", str(file), "--account", ALICE)
    assert "  and 8,950 more" in answer.err.splitlines()
    assert len(answer.err) < 10_000


CHANGES: dict[str, tuple[str, str, str]] = {
    "another value": (
        "b.csv",
        "a,d\n1,2020-01-01\nx,2020-01-01\n",
        "b.csv, line 3, column 'a': the value is not written",
    ),
    "a broken row": ("b.csv", "a,d\n1\n", "b.csv, line 2: the row is broken"),
    "another header": ("b.csv", "a,e\n1,2020-01-01\n", "different columns"),
    "nothing": ("b.csv", "", "b.csv is empty"),
    "a stray file": ("c.csv", "<html>\n", "HTML"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_check_reads_all_of_every_table_and_says_what_broke(cli: CommandLine, tmp_path: Path, what: str) -> None:
    name, content, words = CHANGES[what]
    folder = tmp_path / "tables"
    folder.mkdir()
    for file in ("a.csv", "b.csv"):
        (folder / file).write_text("a,d\n1,2020-01-01\n")
    cli("catalog", "add", "hospital.visits", str(folder), "--account", ALICE)
    cli("catalog", "add", "hospital.other", str(folder / "a.csv"), "--account", BOB)
    assert cli("catalog", "check").code == 0
    (folder / name).write_text(content)
    answer = cli("catalog", "check", "--json")
    assert answer.code == 1
    broken = {table["table"]: table["broken"] for table in answer.json}
    assert broken["other"] == []
    assert words in broken["visits"][0]
    assert cli("catalog", "check", "hospital.other").code == 0
    assert cli("catalog", "check", "hospital.visits", "--account", ALICE).code == 1
    assert words in cli("catalog", "check", "--account", ALICE).out


def test_a_check_says_which_files_are_others_by_now(cli: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("a\n1\n")
    cli("catalog", "add", "hospital.visits", str(folder), "--account", ALICE)
    (folder / "a.csv").write_text("a\n1\n2\n")
    (folder / "b.csv").rename(folder / "c.csv")
    answer = cli("catalog", "check", "hospital.visits", "--account", ALICE, "--json")
    assert answer.code == 0
    [told] = answer.json
    assert (told["rows"], told["files"], told["broken"]) == (3, 2, [])
    assert told["changed"] == [f"{folder}/{name}." for name in ("c.csv is new", "b.csv is gone", "a.csv is another")]
    assert cli("catalog", "check", "hospital.none", "--account", ALICE).code == 1


def test_a_check_of_parquet_says_where_a_type_holds_more_than_was_said(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    duckdb.sql(f"COPY (SELECT 1::INT AS a, 2 AS b) TO '{file}'")
    cli("catalog", "add", "hospital.visits", str(file), "--account", ALICE)
    duckdb.sql(f"COPY (SELECT 1::BIGINT AS a, 3 AS c) TO '{file}'")
    [told] = cli("catalog", "check", "--json").json
    assert told["broken"] == ["Column 'a' was int and is bigint. Add the table again.", "Column 'b' is gone."]
