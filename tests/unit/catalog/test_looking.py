"""What of a folder cannot be looked at is said: no file of a table is passed over without a word."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from whiteroom.catalog.files import expand
from whiteroom.catalog.looking import looking
from whiteroom.ports.catalog import UnusableFiles


def leads_to_nothing(place: Path) -> None:
    (place / "b.csv").symlink_to("gone.csv")


def leads_to_itself(place: Path) -> None:
    (place / "b.csv").symlink_to("b.csv")


def is_deeper_than_paths_go(place: Path) -> None:
    above = os.open(place, os.O_PATH)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=above)
        below = os.open("d" * 250, os.O_PATH, dir_fd=above)
        os.close(above)
        above = below
    os.close(above)


def may_not_be_listed(place: Path) -> None:
    (place / "part").mkdir()
    (place / "part" / "b.csv").write_text("a\n2\n")
    (place / "part").chmod(0o300)


def may_not_be_entered(place: Path) -> None:
    may_not_be_listed(place)
    (place / "part").chmod(0o600)


AS_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root may look at any folder")
UNSEEN = [
    leads_to_nothing,
    leads_to_itself,
    is_deeper_than_paths_go,
    pytest.param(may_not_be_listed, marks=AS_ROOT),
    pytest.param(may_not_be_entered, marks=AS_ROOT),
]


@pytest.mark.parametrize("pattern", ["", "**/*.csv", "**"])
@pytest.mark.parametrize("unseen", UNSEEN)
def test_what_cannot_be_looked_at_is_said(tmp_path: Path, unseen: Callable[[Path], None], pattern: str) -> None:
    folder = tmp_path / "t"
    folder.mkdir()
    (folder / "a.csv").write_text("a\n1\n")
    source = str(folder / pattern)
    assert expand([source]) == (str(folder / "a.csv"),)
    unseen(folder)
    with pytest.raises(UnusableFiles, match=r"cannot be looked at|leads to nothing") as told:
        expand([source])
    assert str(folder) in str(told.value)


def test_what_a_table_does_not_mean_need_not_be_looked_at(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    (tmp_path / "_draft").mkdir()
    for place in (tmp_path, tmp_path / "_draft"):
        (place / ".#a.csv").symlink_to("gone")
    leads_to_nothing(tmp_path / "_draft")
    for name in ("", "*.csv", "a.csv"):
        assert expand([str(tmp_path / name)]) == (str(tmp_path / "a.csv"),)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOTDIR, errno.ELOOP])
def test_what_is_taken_away_meanwhile_is_said(number: int) -> None:
    with pytest.raises(UnusableFiles, match=r"^/t/\\xff was taken away while it was looked at\."), looking():
        raise OSError(number, os.strerror(number), os.fsdecode(b"/t/\xff"))


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EIO])
def test_an_error_of_the_machine_is_no_fault_of_the_tables(number: int) -> None:
    with pytest.raises(OSError, match=os.strerror(number)), looking():
        raise OSError(number, os.strerror(number), "/t")
