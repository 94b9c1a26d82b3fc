import os
from pathlib import Path

from whiteroom.runtime.supervisor import meters


def test_a_look_ends_where_it_is_told_to_whatever_lies_there(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        for name in range(1_500):
            (tmp_path / str(number) / str(name)).touch()
    whole = meters.stock([str(tmp_path)])
    assert (whole.entries, whole.whole) == (3 * 1_500 + 3, True)
    cut = meters.stock([str(tmp_path)], until=lambda found: found.entries > 1_000)
    assert (cut.entries, cut.whole) == (2_000, False)


def test_an_instance_may_have_as_many_entries_as_its_volume_has_inodes_within_bounds() -> None:
    gigabyte = 10**9
    assert [meters.most_entries(size * gigabyte) for size in (1, 5, 1_000)] == [250_000, 305_175, 1_000_000]


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
