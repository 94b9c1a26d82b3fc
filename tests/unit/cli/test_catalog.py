from __future__ import annotations

from pathlib import Path

import pytest

from support.command import CommandLine

ALICE = "111111111111"


@pytest.fixture
def visits(tmp_path: Path) -> Path:
    path = tmp_path / "visits.csv"
    path.write_text("patient,age\n1,50\n2,60\n")
    return path


def test_an_added_table_is_listed_and_shown_with_its_columns(cli: CommandLine, visits: Path) -> None:
    answer = cli("catalog", "add", "hospital.visits", str(visits), "--account", ALICE)
    assert (answer.code, answer.out) == (0, f"hospital.visits of account {ALICE}: 1 file, csv, 2 columns.\n")
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
