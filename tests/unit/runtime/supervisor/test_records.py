"""What a supervisor makes of other programs' words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.disks import needs_root, small_disk
from whiteroom.runtime.folders import make_records
from whiteroom.runtime.spec import ROOM_KEPT
from whiteroom.runtime.supervisor.records import exec_failure, write_whole


def test_bubblewraps_word_on_a_program_that_it_cannot_start_is_the_kernels() -> None:
    assert exec_failure(b"bwrap: execvp train: No such file or directory\n", "train") == "No such file or directory"
    assert exec_failure(b"bwrap: execvp a: b: Permission denied", "a: b") == "Permission denied"


@pytest.mark.parametrize(
    "words",
    [
        b"",
        b"No such file or directory\n",
        b"bwrap: execvp train: card 4111\n",
        b"bwrap: execvp card 4111: No such file or directory\n",
        b"bwrap: execvp train: No such file or directory card 4111\n",
        b"bwrap: execvp train: card 4111: No such file or directory\n",
        b"bwrap: execvp train: \xff\n",
    ],
)
def test_what_a_program_writes_in_its_place_is_nobodys(words: bytes) -> None:
    assert exec_failure(words, "train") is None


@needs_root
def test_what_room_is_kept_for_is_written_on_a_full_disk_and_nothing_else_is(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", megabytes=1) as disk:
        make_records(disk.path)
        disk.fill()
        for name, size_bytes in ROOM_KEPT.items():
            path = disk.path / name
            write_whole(str(path), "x" * size_bytes)
            assert path.read_text() == "x" * size_bytes
        with pytest.raises(OSError, match="No space left"):
            write_whole(str(disk.path / "other"), "x")


def test_of_the_room_that_is_kept_nothing_stays_behind_what_is_written(tmp_path: Path) -> None:
    make_records(tmp_path)
    for name in ROOM_KEPT:
        write_whole(str(tmp_path / name), json.dumps({}))
        write_whole(str(tmp_path / name), json.dumps([]))
        assert json.loads((tmp_path / name).read_text()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"control", *ROOM_KEPT}
