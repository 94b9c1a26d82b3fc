"""Opened bytes lie where no disk ever sees them, or nowhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from whiteroom.data.sealed import memory
from whiteroom.data.sealed.memory import Mount, NotPrivate, memory_folder, mount_of, open_memory, problem_of

NO_SWAP, SWAP = "", "/dev/vdb partition 1000 0 -2\n/dev/vdc partition 1000 0 -3\n"


def proc(tmp_path: Path, mount: str, options: str = "rw", swaps: str = NO_SWAP) -> Path:
    """A /proc that says of the test's folder what it is on."""
    made = tmp_path / "proc"
    (made / "self").mkdir(parents=True)
    at = str(tmp_path / "own").replace(" ", "\\040")
    (made / "self" / "mountinfo").write_text(
        f"20 1 8:1 / / rw,relatime - ext4 /dev/vda rw\n33 20 0:30 / {at} rw,nosuid shared:5 - {mount} tmpfs {options}\n"
    )
    (made / "swaps").write_text(f"Filename Type Size Used Priority\n{swaps}")
    return made


@pytest.mark.parametrize(("options", "swaps"), [("rw", NO_SWAP), ("rw,noswap,size=1g", SWAP)])
def test_a_folder_in_memory_that_is_never_swapped_out_is_taken(tmp_path: Path, options: str, swaps: str) -> None:
    open_memory(tmp_path / "own", proc(tmp_path, "tmpfs", options, swaps))
    assert (tmp_path / "own").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_a_memory_without_a_size_which_one_program_could_fill_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """As a tmpfs with size=0 and every ramfs are."""
    monkeypatch.setattr(memory, "size_of", lambda _: 0)
    with pytest.raises(NotPrivate, match=r"has no size.*tmpfs -o noswap -o size="):
        open_memory(tmp_path / "own", proc(tmp_path, kind))


@pytest.mark.parametrize(
    ("mount", "options", "swaps", "told"),
    [
        ("tmpfs", "rw", SWAP, r"may be swapped out to /dev/vdb, /dev/vdc.*Turn swap off.*noswap"),
        ("ext4", "rw", NO_SWAP, r"on a file system of the kind ext4, and not in memory.*memory_folder"),
        ("overlay", "rw", NO_SWAP, r"of the kind overlay"),
        ("tmpfs", "rw,noexec", NO_SWAP, r"is mounted noexec.*memory_folder"),
    ],
)
def test_what_may_come_to_a_disk_is_refused_with_what_to_do(
    tmp_path: Path, mount: str, options: str, swaps: str, told: str
) -> None:
    with pytest.raises(NotPrivate, match=told):
        open_memory(tmp_path / "own", proc(tmp_path, mount, options, swaps))


def test_a_folder_that_others_may_enter_or_that_is_another_user_s_or_a_link_is_refused(tmp_path: Path) -> None:
    well = proc(tmp_path, "tmpfs")
    (tmp_path / "own").mkdir(mode=0o700)
    open_memory(tmp_path / "own", well)
    (tmp_path / "own").chmod(0o750)
    with pytest.raises(NotPrivate, match="nobody else may enter: chown it to user"):
        open_memory(tmp_path / "own", well)
    (tmp_path / "own").rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "own").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotPrivate, match="nobody else may enter"):
        open_memory(tmp_path / "own", well)
    (tmp_path / "own").unlink()
    if os.geteuid() == 0:
        (tmp_path / "own").mkdir(mode=0o700)
        os.chown(tmp_path / "own", 12_345, 0)
        with pytest.raises(NotPrivate, match="chown it to user 0"):
            open_memory(tmp_path / "own", well)


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotPrivate, match=r"missing/own cannot be used: No such file"):
        open_memory(tmp_path / "missing" / "own", proc(tmp_path, "tmpfs"))


def test_the_mount_that_covers_the_others_counts(tmp_path: Path) -> None:
    table = (
        "1 0 8:1 / / rw - ext4 /dev/vda rw\n"
        "2 1 0:3 / /dev/shm rw,noexec shared:2 master:1 - tmpfs tmpfs rw\n"
        "3 2 0:4 / /dev/shm rw - tmpfs none rw,noswap\n"
        "4 1 0:5 / /dev/shm-else rw - ext4 none rw\n"
        "5 1 0:6 / /a\\040b rw - tmpfs none rw\n"
    )
    assert mount_of(Path("/dev/shm/x/y"), table) == Mount("/dev/shm", "tmpfs", frozenset({"rw", "noswap"}))
    assert mount_of(Path("/dev/shmx"), table) == Mount("/", "ext4", frozenset({"rw"}))
    assert (mount_of(Path("/a b/c"), table) or Mount("", "", frozenset())).kind == "tmpfs"
    assert mount_of(Path("/x"), "") is None


def test_every_data_folder_has_a_folder_of_its_own(tmp_path: Path) -> None:
    one, other = (memory_folder("", tmp_path / name) for name in ("a", "b"))
    assert one != other
    assert one == memory_folder("", tmp_path / "b" / ".." / "a")
    assert one.parent == Path("/dev/shm")
    assert memory_folder("/run/own", tmp_path) == Path("/run/own")


def test_a_kernel_without_swap_has_none(tmp_path: Path) -> None:
    made = proc(tmp_path, "tmpfs")
    (made / "swaps").unlink()
    (tmp_path / "own").mkdir()
    assert problem_of(tmp_path / "own", made) == ""
