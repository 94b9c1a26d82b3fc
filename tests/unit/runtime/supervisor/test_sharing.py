"""Which of the runs that share a memory makes way."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whiteroom.runtime.spec import END_FILE, USED_BYTES, USED_FILES
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


def test_a_memory_that_takes_any_number_is_never_too_small_for_a_run() -> None:
    assert must_go("a", {"a": 10**12}, 0, is_scarce=False) == ""


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    for run in ("runs/own", "runs/other", "containers/third"):
        for host in ("algo-1", "algo-2"):
            for said in (USED_BYTES, USED_FILES):
                (tmp_path / run / said).mkdir(parents=True, exist_ok=True)
                (tmp_path / run / said / host).touch()
    return tmp_path


def test_all_find_the_same_one_whatever_runtime_they_are_in(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    share = 4_000
    monkeypatch.setattr(sharing, "sizes", lambda _: {USED_BYTES: (4 * share, True), USED_FILES: (0, False)})
    monkeypatch.chdir(memory / "runs" / "own")
    own = [SharedMemory("algo-1"), SharedMemory("algo-2")]
    monkeypatch.chdir(memory / "containers" / "third")
    third = SharedMemory("algo-1")
    assert "has the most of it" in third.look(share, 0)
    monkeypatch.chdir(memory / "runs" / "own")
    assert own[0].look(share // 2, 0) == ""
    assert own[1].look(share, 0) != "", "both of its instances together have more"
    monkeypatch.chdir(memory / "containers" / "third")
    assert third.look(share, 0) == ""
    (memory / "runs" / "own" / END_FILE).touch()
    assert third.look(share, 0) != "", "the other one has ended"


def test_what_a_run_has_is_said_where_nothing_can_be_written(memory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(memory / "runs" / "own")
    SharedMemory("algo-1").look(10**9, 10**6)
    for said in (USED_BYTES, USED_FILES):
        assert (memory / "runs" / "own" / said / "algo-1").stat().st_blocks == 0


@pytest.mark.parametrize(("scarce", "goes"), [(USED_BYTES, "large"), (USED_FILES, "many")])
def test_who_has_the_most_of_what_is_scarce_makes_way_and_not_who_has_the_most_of_something_else(
    memory: Path, monkeypatch: pytest.MonkeyPatch, scarce: str, goes: str
) -> None:
    monkeypatch.setattr(
        sharing, "sizes", lambda _: {said: (10_000, said == scarce) for said in (USED_BYTES, USED_FILES)}
    )
    places = {"large": memory / "runs" / "own", "many": memory / "containers" / "third"}
    held = {"large": (4_000, 10), "many": (10, 4_000)}
    looks = {}
    for run, place in places.items():
        monkeypatch.chdir(place)
        looks[run] = SharedMemory("algo-1")
        looks[run].say(*held[run])
    told = {}
    for run, place in places.items():
        monkeypatch.chdir(place)
        told[run] = looks[run].look(*held[run])
    assert {run for run, why in told.items() if why} == {goes}


def test_a_file_system_is_scarce_of_what_it_has_too_little_of() -> None:
    room = {"f_bsize": 4, "f_frsize": 4, "f_blocks": 160, "f_bavail": 160, "f_files": 160, "f_favail": 160}

    def facts(**changes: int) -> os.statvfs_result:
        all_of_them = {**room, **changes}
        order = ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree", "f_favail")
        return os.statvfs_result([*(all_of_them.get(name, 0) for name in order), 0, 255])

    assert sharing.sizes(facts()) == {USED_BYTES: (640, False), USED_FILES: (160, False)}
    assert sharing.sizes(facts(f_bavail=9)) == {USED_BYTES: (640, True), USED_FILES: (160, False)}
    assert sharing.sizes(facts(f_favail=9)) == {USED_BYTES: (640, False), USED_FILES: (160, True)}
    assert [sharing.is_scarce(facts(**one)) for one in ({}, {"f_bavail": 9}, {"f_favail": 9})] == [False, True, True]
