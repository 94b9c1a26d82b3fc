"""The cache is as large as it may be, gives up what was used longest ago, and nothing that is wanted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from unit.data.s3.conftest import Shelf, channel
from whiteroom.base.machine_errors import Trouble
from whiteroom.data.drafts import UNFINISHED
from whiteroom.data.s3.data import S3Data
from whiteroom.domain.execution.data import DataRef

Write = Callable[..., DataRef]
MB = 10**6


def here(data: S3Data) -> set[str]:
    return {path.name for path in (Path(data.path(channel("x"))).parent).glob("[!.]*")}


def used_in_order(shelf: Shelf, *names: str, folder: str = "here") -> None:
    """As if they had been used at times that differ."""
    for number, name in enumerate(names):
        os.utime(shelf.tmp / folder / "cache/state/notes/channel" / name, (number, number))


@pytest.fixture
def full(shelf: Shelf, write: Write) -> S3Data:
    """Three channels of 1 MB, in a cache of 3."""
    data = shelf.data(cache_bytes=3 * MB)
    for name in "abc":
        data.keep(write(data, name, rows=name.encode() * MB))
    used_in_order(shelf, "a", "b", "c")
    return data


def test_what_was_used_longest_ago_makes_way_for_what_is_kept(shelf: Shelf, full: S3Data, write: Write) -> None:
    full.keep(write(full, "d", rows=b"d" * MB))
    assert here(full) == {"b", "c", "d"}
    full.bring(channel("b"))
    used_in_order(shelf, "c", "d", "b")
    full.keep(write(full, "e", rows=b"e" * MB))
    assert here(full) == {"b", "d", "e"}


def test_what_was_used_longest_ago_makes_way_for_what_is_brought_and_can_be_brought_again(
    shelf: Shelf, full: S3Data, write: Write
) -> None:
    other = shelf.data("other")
    other.keep(write(other, "d", rows=b"d" * 2 * MB))
    assert full.bring(channel("d"))
    assert here(full) == {"c", "d"}
    assert full.bring(channel("a"))
    assert here(full) == {"a", "d"}
    assert (Path(full.path(channel("a"))) / "rows").read_bytes() == b"a" * MB


def test_what_is_in_use_stays_and_what_has_no_room_then_waits(shelf: Shelf, full: S3Data, write: Write) -> None:
    other = shelf.data("other")
    other.keep(write(other, "d", rows=b"d" * MB))
    shelf.in_use = {"a", "b", "c"}
    with pytest.raises(
        Trouble, match=r"The channel d has 1,000,000 bytes, for which .* lacks 1,000,000: the rest is in"
    ):
        full.bring(channel("d"))
    assert here(full) == {"a", "b", "c"}
    shelf.in_use = {"a", "c"}
    assert full.bring(channel("d"))
    assert here(full) == {"a", "c", "d"}


def test_what_is_larger_than_the_cache_is_told(shelf: Shelf, full: S3Data, write: Write) -> None:
    other = shelf.data("other")
    other.keep(write(other, "d", rows=b"d" * 4 * MB))
    with pytest.raises(Trouble, match=r"lacks 1,000,000: .*cache_bytes \(3,000,000\) is too small"):
        full.bring(channel("d"))


def test_what_is_not_kept_yet_is_never_emptied(shelf: Shelf, full: S3Data, write: Write) -> None:
    write(full, "unkept", rows=b"u" * 2 * MB)
    write(full, "a", more=b"m")
    full.keep(write(full, "d", rows=b"d" * MB))
    full.keep(write(full, "e", rows=b"e" * MB))
    assert {"unkept", "a"} <= here(full)
    assert (Path(full.path(channel("a"))) / "more").read_bytes() == b"m"


def test_what_a_server_was_writing_when_it_died_keeps_nothing_in_the_cache(
    shelf: Shelf, full: S3Data, write: Write
) -> None:
    write(full, "a", **{f"{UNFINISHED}rows-x1": b"u" * MB})
    assert full.bring(channel("a"))
    used_in_order(shelf, "a", "b", "c")
    full.keep(write(full, "d", rows=b"d" * MB))
    assert here(full) == {"b", "c", "d"}
    assert list(full.list(channel("a"))) == ["rows"]


def test_who_does_not_know_what_is_in_use_empties_nothing(shelf: Shelf, full: S3Data, write: Write) -> None:
    other = shelf.data("other")
    other.keep(write(other, "d", rows=b"d" * MB))
    command = shelf.data(cache_bytes=3 * MB, may_empty=False)
    with pytest.raises(Trouble, match="lacks 1,000,000"):
        command.bring(channel("d"))
    assert here(full) == {"a", "b", "c"}


def test_what_is_being_brought_has_its_room_from_the_start(shelf: Shelf, full: S3Data) -> None:
    with full.cache.room(channel("x"), 2 * MB):
        assert here(full) == {"c"}
        shelf.in_use = {"c"}
        with pytest.raises(Trouble, match="lacks 1,000,000"), full.cache.room(channel("y"), MB):
            pass
    with full.cache.room(channel("y"), 2 * MB) as room:
        assert room.is_dir()
    assert not room.exists()


@pytest.mark.parametrize("text", ["", "{"])
def test_a_note_that_a_power_cut_left_broken_is_as_none(shelf: Shelf, full: S3Data, text: str) -> None:
    (shelf.tmp / "here/cache/state/notes/channel/a").write_text(text)
    shelf.store.asked.clear()
    assert full.bring(channel("a"))
    assert shelf.store.count("GET", "/objects/") == 0  # it was read here, and is what was kept
    assert set(full.cache.noted(channel("a"))) == {"rows"}


def test_a_cache_that_is_removed_is_begun_anew(shelf: Shelf, full: S3Data) -> None:
    shutil.rmtree(shelf.tmp / "here/cache")
    assert full.bring(channel("a"))
    assert here(full) == {"a"}


def test_what_somebody_has_removed_takes_no_room(shelf: Shelf, full: S3Data, write: Write) -> None:
    shutil.rmtree(full.path(channel("a")))
    full.keep(write(full, "d", rows=b"d" * MB))
    assert here(full) == {"b", "c", "d"}
