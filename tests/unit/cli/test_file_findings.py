from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.command import CommandLine
from whiteroom.cli import file_findings
from whiteroom.data.folder import FolderData
from whiteroom.domain.execution.data import DataKind, DataRef


@pytest.fixture
def findings(cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("WHITEROOM_MASTER_KEY", str(tmp_path / "state" / "master.key"))
    monkeypatch.setattr(file_findings, "problem_of", lambda _: "")
    cli("accounts", "add", "111111111111")

    def look(**settings: str) -> dict[str, Any]:
        for name, value in settings.items():
            monkeypatch.setenv(f"WHITEROOM_{name.upper()}", value)
        return {one["name"]: one for one in cli("doctor", "--json").json["findings"]}

    return look


def test_it_says_that_files_are_in_plain_text(findings: Any) -> None:
    found = findings()
    assert found["files"]["detail"] == 'Rows, models and checkpoints are kept in plain text (files = "plain").'
    assert "opened files" not in found


def test_it_counts_what_is_not_sealed_yet_and_says_where_files_are_open(
    findings: Any, cli: CommandLine, tmp_path: Path
) -> None:
    memory = tmp_path / "memory"
    memory.mkdir(mode=0o700)
    for name in ("one", "two"):
        Path(FolderData(cli.data).path(DataRef(DataKind.CHANNEL, name))).mkdir(parents=True)
    found = findings(files="sealed", memory_folder=str(memory))
    assert found["files"]["detail"].endswith("kept sealed. 2 are from before that, and in plain text still.")
    assert found["opened files"]["ok"]
    assert f"in {memory}, which takes" in found["opened files"]["detail"]


def test_memory_that_may_come_to_a_disk_is_a_finding(findings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_findings, "problem_of", lambda _: "It may be swapped out.")
    found = findings(files="sealed")
    assert (found["opened files"]["ok"], found["opened files"]["detail"]) == (False, "It may be swapped out.")


def test_a_folder_whose_files_are_sealed_is_not_opened_in_plain(findings: Any, cli: CommandLine) -> None:
    (cli.data / "sealed" / "manifests" / "channel").mkdir(parents=True)
    (cli.data / "sealed" / "manifests" / "channel" / "c").write_text("{}")
    answer = cli("doctor")
    assert answer.code == 1
    assert 'set files to "sealed"' in answer.out + answer.err
    del findings


def test_nothing_is_sealed_by_a_ring_that_seals_nothing(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHITEROOM_KEYS", "echo")
    monkeypatch.setenv("WHITEROOM_FILES", "sealed")
    assert 'files is "sealed", and keys is "echo", which seals nothing' in cli("doctor").err
