import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from whiteroom.base.real_paths import GONE, LINK, NO_FILE, NotOpened, held_open, link_to


def open_now() -> set[str]:
    return {handle.name for handle in Path("/proc/self/fd").iterdir()}


def files_in(folder: Path) -> list[Path]:
    files = [folder / "a" / "b" / "x", folder / "a" / "b" / "y", folder / "a" / "z", folder / "w"]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(file.name)
    return files


def test_files_of_several_folders_are_open_until_the_end_and_none_is_afterwards(tmp_path: Path) -> None:
    files, before = files_in(tmp_path), open_now()
    with held_open(map(str, files)) as handles:
        for file in files:
            file.unlink()
        assert [Path(link_to(handle)).read_text() for handle in handles] == ["x", "y", "z", "w"]
    assert open_now() == before


def test_a_folder_that_may_be_passed_and_not_listed_is_passed(tmp_path: Path) -> None:
    [file, *_] = files_in(tmp_path)
    file.parent.chmod(0o311)
    try:
        with held_open([str(file)]) as [handle]:
            assert os.read(handle, 9) == b"x"
    finally:
        file.parent.chmod(0o755)


def link_in_place_of(file: Path) -> None:
    file.rename(file.with_name("real"))
    file.symlink_to("real")


def link_in_place_of_a_folder(file: Path) -> None:
    link_in_place_of(file.parent)


def link_in_place_of_a_folder_above(file: Path) -> None:
    link_in_place_of(file.parent.parent)


def loop(file: Path) -> None:
    file.unlink()
    file.symlink_to(file)


def gone(file: Path) -> None:
    file.unlink()


def folder_gone(file: Path) -> None:
    file.parent.rename(file.parent.with_name("moved"))


def file_in_place_of_a_folder(file: Path) -> None:
    folder_gone(file)
    file.parent.write_text("")


def fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("become", "reason"),
    [
        (link_in_place_of, LINK),
        (link_in_place_of_a_folder, LINK),
        (link_in_place_of_a_folder_above, LINK),
        (loop, LINK),
        (gone, GONE),
        (folder_gone, GONE),
        (file_in_place_of_a_folder, GONE),
        (fifo, NO_FILE),
        (a_folder, NO_FILE),
    ],
)
def test_what_is_no_regular_file_at_its_own_path_is_not_opened_and_leaves_nothing_open(
    tmp_path: Path, become: Callable[[Path], None], reason: str
) -> None:
    files = files_in(tmp_path)
    become(files[1])
    before = open_now()
    with pytest.raises(NotOpened) as told, held_open(map(str, [files[3], *files[1:]])):
        pass
    assert (str(told.value), told.value.path) == (reason, str(files[1]))
    assert open_now() == before


def test_a_socket_is_not_opened(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        with pytest.raises(NotOpened), held_open([str(tmp_path / "s")]):
            pass
