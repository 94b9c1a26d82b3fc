"""Sealed data is opened where nothing of before is under way, and no other way from then on."""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from contract.data.suite import fill
from support.sealing import Rig
from whiteroom.data.folder import FolderData
from whiteroom.data.s3.places import AnotherPlace, open_place
from whiteroom.data.sealed import memory
from whiteroom.data.sealed.data import SealedData
from whiteroom.data.sealed.places import open_sealed, tell_lost
from whiteroom.data.sealed.shelf import Shelf
from whiteroom.domain.execution.data import DataKind, DataRef
from whiteroom.domain.execution.runs import RunId

CHANNEL = DataRef(DataKind.CHANNEL, "c")


@dataclass(frozen=True)
class Chosen:
    data: Path
    memory_folder: str
    data_location: str = ""
    cache_bytes: int = 10**9
    region: str = "us-east-1"
    aws_profile: str = ""


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """Any folder is in memory: whether one is, is problem_of's to say."""
    monkeypatch.setattr(memory, "problem_of", lambda *_: "")
    (tmp_path / "data").mkdir()
    return Rig(tmp_path, Shelf(tmp_path / "data" / "sealed"))


def chosen(rig: Rig) -> Chosen:
    return Chosen(rig.root, str(rig.folder / "memory"))


def test_a_server_seals_what_lies_in_plain_text_by_itself(rig: Rig) -> None:
    fill(Path(FolderData(rig.root).path(CHANNEL)), rows=b"1")
    data = open_sealed(chosen(rig), frozenset, rig.seal())
    assert isinstance(data, SealedData)
    until = time.monotonic() + 60
    while data.unsealed() and time.monotonic() < until:
        time.sleep(0.01)
    assert data.unsealed() == ()
    assert data.bring(CHANNEL)


@pytest.mark.parametrize("name", ["runs/r/work", "containers/r", "queries/q/spill", "syntheses/s", "originals/o"])
def test_work_that_was_begun_with_plain_files_is_finished_first(rig: Rig, name: str) -> None:
    fill(rig.root / name, rows=b"1")
    folder = rig.root / name.partition("/")[0]
    with pytest.raises(AnotherPlace, match=rf'some in {folder}: start the server with files = "plain" until'):
        open_sealed(chosen(rig), frozenset, rig.seal())
    assert open_sealed(chosen(rig), None, rig.seal()), "commands look at it all the same"


def test_an_open_cache_of_data_in_s3_is_to_be_removed_first(rig: Rig) -> None:
    fill(rig.root / "cache" / "channels" / "c", rows=b"1")
    with pytest.raises(AnotherPlace, match="the folder is a cache of it: once no training"):
        open_sealed(chosen(rig), frozenset, rig.seal())


def test_what_a_restore_has_left_of_runs_is_nothing_under_way(rig: Rig) -> None:
    (rig.root / "runs" / "training-1").mkdir(parents=True)
    assert open_sealed(chosen(rig), frozenset, rig.seal())


def test_sealed_data_is_not_taken_for_lost(rig: Rig) -> None:
    data = open_sealed(chosen(rig), frozenset, rig.seal())
    fill(Path(data.path(CHANNEL)), rows=b"1")
    data.keep(CHANNEL)
    with pytest.raises(AnotherPlace, match='is sealed, and would be taken for lost: set files to "sealed"'):
        open_place(chosen(rig), frozenset)
    elsewhere = Chosen(rig.root, str(rig.folder / "memory"), "s3://bucket/prefix")
    with pytest.raises(AnotherPlace, match="leave out the setting data"):
        open_sealed(elsewhere, frozenset, rig.seal())


def test_no_server_starts_whose_opened_bytes_may_come_to_a_disk(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "problem_of", lambda *_: "It may be swapped out.")
    with pytest.raises(AnotherPlace, match="may be swapped out"):
        open_sealed(chosen(rig), frozenset, rig.seal())


def test_after_a_start_of_the_machine_runs_look_like_those_that_died_before_they_began(tmp_path: Path) -> None:
    (tmp_path / "containers" / "inference-2").mkdir(parents=True)
    runs = [RunId("training-1"), RunId("inference-2")]
    tell_lost(tmp_path, Path("/srv/data"), lambda: iter(runs))
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["training-1"]
    (tmp_path / "runs" / "training-1").rmdir()
    tell_lost(tmp_path, Path("/srv/data"), lambda: iter(runs))
    assert list((tmp_path / "runs").iterdir()) == [], "it is told once"


def test_the_memory_of_another_server_is_refused_as_long_as_it_is_that_server_s(rig: Rig) -> None:
    memory_of_both = Path(chosen(rig).memory_folder)
    memory_of_both.mkdir(mode=0o700)
    tell_lost(memory_of_both, rig.root, lambda: iter(()))
    assert open_sealed(chosen(rig), frozenset, rig.seal())
    restored = rig.folder / "restored"
    restored.mkdir()
    with pytest.raises(AnotherPlace, match=f"what the server in {rig.root} has open: name another folder"):
        open_sealed(Chosen(restored, str(memory_of_both)), frozenset, rig.seal())


def test_a_server_has_its_own_memory_by_whichever_name_it_is_given_its_folder(rig: Rig) -> None:
    own = Path(chosen(rig).memory_folder)
    own.mkdir(mode=0o700)
    tell_lost(own, rig.root, lambda: iter(()))
    (rig.folder / "link").symlink_to(rig.root)
    assert open_sealed(Chosen(rig.folder / "link", str(own)), frozenset, rig.seal())


def test_a_server_that_dies_before_it_has_its_memory_has_it_at_the_next_start(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Path(chosen(rig).memory_folder)
    own.mkdir(mode=0o700)
    full = OSError(errno.ENOSPC, "No space left on device")

    def cut_short(path: Path, *_: object, **__: object) -> int:
        path.touch()
        raise full

    monkeypatch.setattr(Path, "write_text", cut_short)
    with pytest.raises(OSError, match="No space left"):
        tell_lost(own, rig.root, lambda: iter(()))
    monkeypatch.undo()
    monkeypatch.setattr(memory, "problem_of", lambda *_: "")
    assert open_sealed(chosen(rig), frozenset, rig.seal())
