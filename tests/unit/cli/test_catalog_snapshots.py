"""`whiteroom catalog` over tables of Iceberg and Delta."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pytest
from deltalake import DeltaTable, write_deltalake

from support.command import CommandLine

ALICE = "111111111111"
OF_ALICE = ("--account", ALICE)


@pytest.fixture
def lake(cli: CommandLine, tmp_path: Path) -> Path:
    cli("accounts", "add", ALICE)
    write_deltalake(str(tmp_path / "lake"), pyarrow.table({"id": [1, 2], "name": ["a", "b"]}))
    return tmp_path / "lake"


def test_a_folder_of_delta_is_added_and_shown_at_its_version(cli: CommandLine, lake: Path) -> None:
    answer = cli("catalog", "add", "hospital.visits", str(lake), *OF_ALICE)
    assert answer.out == f"hospital.visits of account {ALICE}: 1 file, delta, 2 columns, 2 rows, snapshot 0.\n"
    DeltaTable(str(lake)).delete("id = 1")
    shown = cli("catalog", "show", "hospital.visits", *OF_ALICE, "--json").json
    assert (shown["format"], shown["snapshot"], shown["pinned"]) == ("delta", "1", None)
    [checked] = cli("catalog", "check", "--json").json
    assert (checked["rows"], checked["broken"], checked["changed"]) == (1, [], [])


def test_a_version_that_is_said_is_meant_for_good(cli: CommandLine, lake: Path) -> None:
    DeltaTable(str(lake)).delete("id = 1")
    options = ("--format", "delta", "--snapshot", "0")
    added = cli("catalog", "add", "hospital.visits", str(lake), *OF_ALICE, *options, "--json").json
    assert (added["snapshot"], added["pinned"], added["rows"]) == ("0", "0", 2)
    preview = cli("catalog", "add", "hospital.other", str(lake), *OF_ALICE, "--preview").out
    assert "snapshot 1" in preview
    assert "2   b" in preview


def test_a_table_that_can_no_longer_be_read_is_told_by_the_check(cli: CommandLine, lake: Path) -> None:
    cli("catalog", "add", "hospital.visits", str(lake), *OF_ALICE)
    write_deltalake(str(lake), pyarrow.table({"id": ["x"]}), mode="overwrite", schema_mode="overwrite")
    answer = cli("catalog", "check", "--json")
    assert answer.code == 1
    assert answer.json[0]["broken"] == [
        "Column 'id' was bigint and is string. Add the table again.",
        "Column 'name' is gone.",
    ]
    next(lake.glob("*.parquet")).unlink()
    for file in lake.glob("*.parquet"):
        file.unlink()
    assert "is gone" in cli("catalog", "check").out


@pytest.mark.parametrize(
    "options", [("--format", "orc"), ("--snapshot", "7"), ("--format", "iceberg"), ("--null", "x")]
)
def test_what_cannot_be_said_of_such_a_table_is_refused_in_a_sentence(
    cli: CommandLine, lake: Path, options: tuple[str, str]
) -> None:
    answer = cli("catalog", "add", "hospital.visits", str(lake), *OF_ALICE, *options)
    assert (answer.code, answer.out, answer.err.count("\n")) == (1, "", 1)
    assert cli("catalog", "list", "--json").json == []
