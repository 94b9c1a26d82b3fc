import os
from pathlib import Path

from whiteroom.runtime.supervisor import meters
from whiteroom.runtime.trees import remove_tree


def test_folders_700_levels_deep_are_removed_and_measured(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(700):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert meters.disk([str(top)]) > 0
    remove_tree(top)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_link_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "x").touch()
    (tmp_path / "link").symlink_to("kept")
    remove_tree(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "x").exists()


def test_hard_links_are_counted_once_and_holes_not_at_all(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.write(b"x" * 100_000)
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    alone = meters.disk([str(tmp_path)])
    for number in range(10):
        os.link(tmp_path / "a", tmp_path / f"link-{number}")
    assert meters.disk([str(tmp_path)]) - alone < 100_000
    assert alone < 300_000
