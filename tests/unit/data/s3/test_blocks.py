"""Which blocks a read takes, and which are asked for ahead of it."""

from __future__ import annotations

import pytest

from whiteroom.data.s3.blocks import MOST_AHEAD, Pace, blocks_of, bounds, count
from whiteroom.data.s3.manifests import BLOCK_BYTES

B = BLOCK_BYTES


@pytest.mark.parametrize(
    ("start", "length", "size", "blocks"),
    [
        (0, 1, 1, [0]),
        (0, B, 3 * B, [0]),
        (B - 1, 2, 3 * B, [0, 1]),
        (B, B, 3 * B, [1]),
        (0, 10 * B, 2 * B + 1, [0, 1, 2]),
        (2 * B, 100, 2 * B + 1, [2]),
        (2 * B + 1, 100, 2 * B + 1, []),
        (9 * B, 100, 2 * B + 1, []),
        (5, 0, B, []),
        (0, 100, 0, []),
    ],
)
def test_a_read_takes_the_blocks_that_it_touches_and_none_behind_the_end(
    start: int, length: int, size: int, blocks: list[int]
) -> None:
    assert list(blocks_of(start, length, size)) == blocks


@pytest.mark.parametrize("size", [0, 1, B - 1, B, B + 1, 3 * B])
def test_blocks_lie_side_by_side_and_are_the_file(size: int) -> None:
    edges = [bounds(block, size) for block in range(count(size))]
    assert [start for start, _ in edges] == [0, *(stop for _, stop in edges)][: len(edges)]
    assert sum(stop - start for start, stop in edges) == size


def ahead_of(*blocks: int) -> list[list[int]]:
    pace, asked = Pace(), []
    for block in blocks:
        pace, ahead = pace.at(block)
        asked.append(list(ahead))
    return asked


def test_who_reads_on_is_read_ahead_of_further_and_further_up_to_a_limit() -> None:
    assert ahead_of(0, 1, 2, 3) == [[1], [2, 3], [3, 4, 5, 6], [4, 5, 6, 7]]
    assert len(ahead_of(*range(20))[-1]) == MOST_AHEAD


def test_who_stays_in_a_block_asks_for_nothing_more() -> None:
    assert ahead_of(0, 0, 0, 1) == [[1], [], [], [2, 3]]


def test_who_leaps_about_is_not_read_ahead_of_until_it_reads_on() -> None:
    assert ahead_of(7, 3, 9, 10) == [[], [], [], [11]]
