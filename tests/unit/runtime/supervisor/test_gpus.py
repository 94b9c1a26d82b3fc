import os
from pathlib import Path

from whiteroom.runtime.supervisor import gpus


def test_each_gpu_is_one_runs_until_it_ends(tmp_path: Path) -> None:
    folder = str(tmp_path / "gpus")
    first, second = gpus.claim([0, 1, 2], 2, folder), gpus.claim([0, 1, 2], 1, folder)
    assert first is not None
    assert second is not None
    assert ([number for number, _ in first], [number for number, _ in second]) == ([0, 1], [2])
    assert gpus.claim([0, 1, 2], 1, folder) is None
    os.close(first[1][1])
    again = gpus.claim([0, 1, 2], 1, folder)
    assert again is not None
    assert again[0][0] == 1
    for _, handle in (first[0], *second, *again):
        os.close(handle)


def test_too_few_are_none_and_none_of_them_stays_taken(tmp_path: Path) -> None:
    folder = str(tmp_path / "gpus")
    assert gpus.claim([0, 1], 3, folder) is None
    both = gpus.claim([0, 1], 2, folder)
    assert both is not None
    for _, handle in both:
        os.close(handle)


def test_a_link_in_the_place_of_a_gpus_file_is_not_followed(tmp_path: Path) -> None:
    folder = tmp_path / "gpus"
    folder.mkdir()
    (folder / "0").symlink_to(tmp_path / "elsewhere")
    assert gpus.claim([0], 1, str(folder)) is None
    assert not (tmp_path / "elsewhere").exists()
