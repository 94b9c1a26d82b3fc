"""Which of the runs that share a memory makes way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whiteroom.runtime.spec import END_FILE, USED
from whiteroom.runtime.supervisor import sharing
from whiteroom.runtime.supervisor.sharing import SharedMemory, must_go

SIZE = 16_000


@pytest.mark.parametrize(
    ("used", "scarce", "goes"),
    [
        ({"a": 8_001}, False, {"a"}),
        ({"a": 8_000}, False, set()),
        ({"a": 8_000, "b": 7_000}, False, set()),
        ({"a": 8_000, "b": 7_000}, True, {"a"}),
        ({"a": 5_000, "b": 5_000, "c": 5_000}, True, {"c"}),
        ({"a": 1_000, "b": 0}, True, {"a"}),
        ({"a": 999, "b": 998}, True, set()),
        ({"a": 0}, True, set()),
    ],
)
def test_one_run_makes_way_and_only_where_that_makes_room(used: dict[str, int], scarce: bool, goes: set[str]) -> None:
    assert {run for run in used if must_go(run, used, SIZE, is_scarce=scarce)} == goes


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    for run in ("runs/own", "runs/other", "containers/third"):
        for host in ("algo-1", "algo-2"):
            (tmp_path / run / USED).mkdir(parents=True, exist_ok=True)
            (tmp_path / run / USED / host).touch()
    return tmp_path


def test_all_find_the_same_one_whatever_runtime_they_are_in(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "is_scarce", lambda _: True)
    facts = os.statvfs(memory)
    share = facts.f_blocks * facts.f_frsize // 4
    monkeypatch.chdir(memory / "runs" / "own")
    own = [SharedMemory("algo-1"), SharedMemory("algo-2")]
    monkeypatch.chdir(memory / "containers" / "third")
    third = SharedMemory("algo-1")
    assert "has the most of it" in third.look(share)
    monkeypatch.chdir(memory / "runs" / "own")
    assert own[0].look(share // 2) == ""
    assert own[1].look(share) != "", "both of its instances together have more"
    monkeypatch.chdir(memory / "containers" / "third")
    assert third.look(share) == ""
    (memory / "runs" / "own" / END_FILE).touch()
    assert third.look(share) != "", "the other one has ended"


def test_what_a_run_has_is_said_where_nothing_can_be_written(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(memory / "runs" / "own")
    SharedMemory("algo-1").look(10**9)
    assert (memory / "runs" / "own" / USED / "algo-1").stat().st_blocks == 0
