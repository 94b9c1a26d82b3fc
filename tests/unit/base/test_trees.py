import os
from pathlib import Path

import pytest

from whiteroom.base.trees import put_in_place, remove_tree
from whiteroom.runtime.supervisor import meters


def deep_folder(top: Path) -> None:
    """700 levels, and a file in the last."""
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(700):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("last", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)


def test_folders_700_levels_deep_are_removed_and_measured(tmp_path: Path) -> None:
    deep_folder(tmp_path / "top")
    assert meters.disk([str(tmp_path / "top")]) > 0
    remove_tree(tmp_path / "top")
    assert not list(tmp_path.iterdir())


def test_a_removal_that_is_cut_short_leaves_nothing_beside_the_folder_and_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledError(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise KilledError

    deep_folder(tmp_path / "top")
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", die)
        with pytest.raises(KilledError):
            remove_tree(tmp_path / "top")
    assert [path.name for path in tmp_path.iterdir()] == ["top"]
    remove_tree(tmp_path / "top")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "x").touch()
    (tmp_path / "link").symlink_to("kept")
    remove_tree(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "x").exists()


def test_a_folder_that_is_put_in_place_replaces_the_one_that_stands_there(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    put_in_place(tmp_path / "new", tmp_path / "old", [tmp_path / "new" / "new"])
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["old", "old/new"]
