"""Which part of a Delta table's log says what a version is."""

from __future__ import annotations

import pytest

from whiteroom.catalog.snapshots.delta_logs import needed_of_log
from whiteroom.catalog.snapshots.places import Unreadable


def commit(number: int) -> str:
    return f"{number:020}.json"


def checkpoint(number: int) -> str:
    return f"{number:020}.checkpoint.parquet"


def part(number: int, of_it: int, count: int) -> str:
    return f"{number:020}.checkpoint.{of_it:010}.{count:010}.parquet"


LOG = [*map(commit, range(4, 15)), checkpoint(5), checkpoint(10), "_last_checkpoint", f"{commit(3)}.tmp", "x.crc"]


def test_it_is_the_last_checkpoint_and_the_commits_behind_it() -> None:
    assert needed_of_log(LOG, "") == [checkpoint(10), *map(commit, range(10, 15))]
    assert needed_of_log(LOG, "12") == [checkpoint(10), *map(commit, range(10, 13))]
    assert needed_of_log(LOG, "9") == [checkpoint(5), *map(commit, range(5, 10))]
    assert needed_of_log([checkpoint(5), commit(6)], "5") == [checkpoint(5)]
    assert needed_of_log(map(commit, range(3)), "") == list(map(commit, range(3)))


def test_a_checkpoint_counts_that_has_all_of_its_parts() -> None:
    log = [*map(commit, range(4)), part(2, 2, 2), part(2, 1, 2), part(3, 1, 3), part(3, 3, 3)]
    assert needed_of_log(log, "") == [part(2, 1, 2), part(2, 2, 2), commit(2), commit(3)]


@pytest.mark.parametrize(
    ("log", "version", "told"),
    [
        (LOG, "15", "has no version 15, or not any more; the latest is 14"),
        (LOG, "4", "has no version 4 any more: its log lacks version 0. The latest is 14"),
        (LOG, "9" * 19, "or not any more"),
        (LOG, "-1", "has no version '-1'"),
        (LOG, "1e3", "has no version '1e3'"),
        (["x"], "", "its log has no version"),
        ([commit(0), commit(2)], "", "lacks version 1"),
        ([commit(10**20 - 1)], "", "lacks version 0"),
    ],
)
def test_a_version_that_the_log_does_not_say_any_more_is_told(log: list[str], version: str, told: str) -> None:
    with pytest.raises(Unreadable, match=told):
        needed_of_log(log, version)
