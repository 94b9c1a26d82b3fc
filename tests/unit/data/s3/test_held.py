"""Blocks that come while they are read: each is brought once, and what is read is what was brought."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.disks import needs_root, small_disk
from support.patience import Patience
from whiteroom.data.s3.held import AHEAD, MOST_IN_MEMORY, NOW, SOME_TIME, WORKERS, Held
from whiteroom.data.s3.manifests import BLOCK_BYTES, KeptFile
from whiteroom.data.s3.ranges import Unreadable

SIZE = 40 * BLOCK_BYTES + 7
FILES = (KeptFile("a", SIZE, "", "a", 0o644), KeptFile("b", 3, "", "b", 0o644))


def content(file: KeptFile, block: int) -> bytes:
    length = min(BLOCK_BYTES, file.size_bytes - block * BLOCK_BYTES)
    return f"{file.name}{block:03}".encode().ljust(length, b".")[:length]


class Store:
    """Brings blocks once it is open."""

    def __init__(self) -> None:
        self.brought: list[tuple[str, int]] = []
        self.open = threading.Event()
        self.open.set()
        self.broken: set[int] = set()
        self.fault: Exception | None = None

    def bring(self, file: KeptFile, block: int) -> bytes:
        self.brought.append((file.name, block))
        assert self.open.wait(60)
        if self.fault is not None:
            raise self.fault
        if block in self.broken:
            raise Unreadable("broken", "broken", may_pass=True)
        return content(file, block)


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.open.set()


@pytest.fixture
def held(store: Store) -> Held:
    return Held(FILES, store.bring)


def come(held: Held, file: int, *blocks: int, soon: int = NOW) -> list[Unreadable | None]:
    """Want blocks, and wait until each is told of."""
    told: list[Unreadable | None] = []
    held.want(file, blocks, soon, told.append)
    patience = Patience(60)
    while len(told) < len(blocks):
        assert not patience.is_lost
        threading.Event().wait(0.002)
    return told


def test_what_is_not_here_is_not_read_and_what_is_here_is(held: Held) -> None:
    assert held.read(0, 0, 4) is None
    come(held, 0, 0, 1)
    assert held.read(0, 0, 4) == b"a000"
    assert held.read(0, BLOCK_BYTES - 2, 6) == b"..a001"
    assert held.read(0, 2 * BLOCK_BYTES - 1, 2) is None
    come(held, 1, 0)
    assert held.read(1, 1, 100) == b"00"
    assert held.read(1, 3, 100) == b""
    assert held.read(1, 99, 100) == b""


def test_a_block_that_many_want_is_brought_once_and_told_to_each(held: Held, store: Store) -> None:
    store.open.clear()
    told: list[object] = []
    for soon in (SOME_TIME, AHEAD, NOW, NOW):
        held.want(0, [5], soon, told.append)
    store.open.set()
    come(held, 0, 5)
    assert told == [None] * 4
    assert store.brought == [("a", 5)]


def test_one_that_cannot_be_had_is_told_and_asked_for_again_when_it_is_wanted_again(held: Held, store: Store) -> None:
    store.broken = {3}
    (problem,) = come(held, 0, 3)
    assert str(problem) == "broken"
    store.broken = set()
    assert come(held, 0, 3) == [None]
    assert held.read(0, 3 * BLOCK_BYTES, 4) == b"a003"


def test_whatever_fails_whoever_waits_hears_of_it_and_the_next_block_comes(held: Held, store: Store) -> None:
    store.fault = ValueError("a fault of ours")
    problems = come(held, 0, *range(20))  # more than there are workers
    assert [problem is not None and problem.may_pass for problem in problems] == [True] * 20
    store.fault = None
    assert come(held, 0, *range(20)) == [None] * 20


def test_without_a_disk_no_more_is_held_than_fits_and_what_was_read_longest_ago_goes(held: Held, store: Store) -> None:
    for block in range(MOST_IN_MEMORY):
        come(held, 0, block)
    assert held.read(0, 0, 1) == b"a"
    come(held, 0, MOST_IN_MEMORY)
    assert held.read(0, 0, 1) == b"a"
    assert held.read(0, BLOCK_BYTES, 1) is None
    assert len(list(held.missing())) == 41 + 1 - MOST_IN_MEMORY


def files(folder: Path) -> list[int]:
    handles = [os.open(folder / file.name, os.O_RDWR | os.O_CREAT) for file in FILES]
    for handle, file in zip(handles, FILES, strict=True):
        os.ftruncate(handle, file.size_bytes)
    return handles


def test_a_disk_takes_what_was_in_memory_and_all_that_comes(held: Held, tmp_path: Path, store: Store) -> None:
    come(held, 0, 7)
    held.put_on(files(tmp_path))
    assert held.read(0, 7 * BLOCK_BYTES, 4) == b"a007"
    for file, block in list(held.missing()):
        come(held, file, block, soon=SOME_TIME)
    assert list(held.missing()) == []
    assert (tmp_path / "a").read_bytes() == b"".join(content(FILES[0], block) for block in range(41))
    assert (tmp_path / "b").read_bytes() == b"b00"
    assert len(store.brought) == len(set(store.brought)) == 42


def test_a_disk_that_is_given_up_is_never_read_as_empty(held: Held, tmp_path: Path) -> None:
    handles = files(tmp_path)
    held.put_on(handles)
    come(held, 0, 0)
    held.give_up_disk()
    assert held.read(0, 0, 4) is None
    assert (tmp_path / "a").stat().st_size == 0
    come(held, 0, 0)
    assert held.read(0, 0, 4) == b"a000"


def test_what_others_have_brought_is_read_from_there(held: Held, tmp_path: Path, store: Store) -> None:
    (tmp_path / "a").write_bytes(b"x" * SIZE)
    (tmp_path / "b").write_bytes(b"yyy")
    held.found_on([os.open(tmp_path / name, os.O_RDONLY) for name in "ab"])
    assert (held.read(0, SIZE - 2, 5), held.read(1, 0, 3)) == (b"xx", b"yyy")
    assert (list(held.missing()), store.brought) == ([], [])


@needs_root
def test_a_disk_without_room_is_given_up_and_what_came_is_read_all_the_same(held: Held, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 10) as disk:
        held.put_on(files(disk.path))
        for block in range(6):
            come(held, 0, block)
        assert not held.on_disk
        come(held, 0, 5)
        assert held.read(0, 5 * BLOCK_BYTES, 4) == b"a005"


def test_one_that_cannot_be_told_keeps_nobody_else_waiting(held: Held, store: Store) -> None:
    def fail(_: Unreadable | None) -> None:
        raise OSError(28, "No space left on device")

    store.open.clear()
    for block in range(WORKERS + 1):
        held.want(0, [block], NOW, fail)
    told = threading.Event()
    held.want(0, [0], NOW, lambda _: told.set())
    store.open.set()
    assert told.wait(60)
    assert come(held, 0, WORKERS + 1) == [None], "every worker goes on"
