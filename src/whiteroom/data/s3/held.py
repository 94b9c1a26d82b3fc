"""Blocks of files that are read before all of them are here: on the disk, in memory, or still on their way."""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from queue import PriorityQueue
from threading import Lock, Thread
from typing import Final

from whiteroom.data.s3.blocks import blocks_of
from whiteroom.data.s3.blocks import count as count_blocks
from whiteroom.data.s3.manifests import BLOCK_BYTES, KeptFile
from whiteroom.data.s3.ranges import Unreadable

MOST_IN_MEMORY: Final = 32
"""Blocks, where the disk takes none."""
WORKERS: Final = 8
"""So many blocks are brought at a time."""
NOW, AHEAD, SOME_TIME = 0, 1, 2
"""How soon a block is wanted: somebody waits for it, may want it next, or it is on its way to the disk."""

Block = tuple[int, int]
"""The number of a file, and of a block in it."""
Then = Callable[[Unreadable | None], None]
"""Told once a block is here, or why it cannot be."""


class _Disk:
    """Files that take blocks, as open descriptors. What it is read for is checked after the reading."""

    def __init__(self, handles: Sequence[int], present: list[bytearray]) -> None:
        self.handles = handles
        self.present = present


class Held:
    """The blocks of some files. For threads to share; its own end with the process."""

    def __init__(self, files: Sequence[KeptFile], bring: Callable[[KeptFile, int], bytes]) -> None:
        """Hold none yet.

        Args:
            files: by their numbers.
            bring: answers a block, or raises Unreadable.
        """
        self.files = files
        self._bring = bring
        self._lock = Lock()
        self._disk: _Disk | None = None
        self._memory: OrderedDict[Block, bytes] = OrderedDict()
        self._waiting: dict[Block, list[Then]] = {}
        self._coming: set[Block] = set()
        self._wanted: PriorityQueue[tuple[int, int, Block]] = PriorityQueue()
        self._order = count()
        for _ in range(WORKERS):
            Thread(target=self._work, daemon=True, name="blocks").start()

    def read(self, file: int, start: int, length: int) -> bytes | None:
        """Bytes of a file, fewer at its end; None where not all of them are here."""
        size_bytes = self.files[file].size_bytes
        length = max(0, min(length, size_bytes - start))
        wanted = blocks_of(start, length, size_bytes)
        with self._lock:
            disk = self._disk
            if disk is None:
                parts = [self._memory.get((file, block)) for block in wanted]
                for block in wanted:
                    if (file, block) in self._memory:
                        self._memory.move_to_end((file, block))
            elif not all(disk.present[file][block] for block in wanted):
                return None
        if disk is not None:
            data = os.pread(disk.handles[file], length, start)
            # One that was given up meanwhile may have been emptied.
            return data if self._disk is disk else None
        if any(part is None for part in parts):
            return None
        skipped = start - wanted.start * BLOCK_BYTES
        return b"".join(part for part in parts if part is not None)[skipped : skipped + length]

    def want(self, file: int, blocks: Sequence[int], soon: int, then: Then | None = None) -> None:
        """Have blocks brought that are not here.

        Args:
            file: whose.
            blocks: which.
            soon: how soon.
            then: told once for each of them, at once for those that are here. It must not wait for anything.
        """
        for index in blocks:
            with self._lock:
                block = (file, index)
                is_here = self._is_here(block)
                if not is_here:
                    asked = block in self._waiting
                    self._waiting.setdefault(block, []).extend([then] if then else [])
                    # Asked for once more where somebody waits for it now: whichever turn comes first brings it.
                    if not asked or soon == NOW:
                        self._wanted.put((soon, next(self._order), block))
            if is_here and then:
                then(None)

    def missing(self) -> Iterator[Block]:
        """Every block that is not here, in order, as it is when it is come to."""
        for number, file in enumerate(self.files):
            for index in range(count_blocks(file.size_bytes)):
                with self._lock:
                    is_here = self._is_here((number, index))
                if not is_here:
                    yield number, index

    def put_on(self, handles: Sequence[int]) -> None:
        """Have all blocks from now on lie in these files, of the right lengths and empty."""
        disk = _Disk(handles, [bytearray(count_blocks(file.size_bytes)) for file in self.files])
        with self._lock:
            had, self._memory = self._memory, OrderedDict()
            for (file, index), data in had.items():
                _write(disk, (file, index), data)
            self._disk = disk

    def found_on(self, handles: Sequence[int]) -> None:
        """Every block is in these files."""
        disk = _Disk(handles, [bytearray(b"\1" * count_blocks(file.size_bytes)) for file in self.files])
        with self._lock:
            self._disk = disk
            self._memory.clear()

    def give_up_disk(self) -> None:
        """Have what lies in files lie there no more: they are emptied, and the blocks wanted anew."""
        with self._lock:
            disk, self._disk = self._disk, None
        for handle in disk.handles if disk else ():
            os.ftruncate(handle, 0)

    @property
    def on_disk(self) -> bool:
        """Whether files take the blocks."""
        return self._disk is not None

    def _is_here(self, block: Block) -> bool:
        if self._disk is not None:
            return bool(self._disk.present[block[0]][block[1]])
        return block in self._memory

    def _work(self) -> None:
        while True:
            _, _, block = self._wanted.get()
            with self._lock:
                # Its other turn has brought it, or is about to.
                due = block in self._waiting and block not in self._coming
                self._coming.update([block] if due else [])
            if due:
                self._bring_one(block)

    def _bring_one(self, block: Block) -> None:
        problem: Unreadable | None = None
        try:
            self._take(block, self._bring(self.files[block[0]], block[1]))
        except Unreadable as error:
            problem = error
        except Exception as error:  # noqa: BLE001 - whatever it was, who waits hears of it and the worker goes on
            problem = Unreadable("what reads it failed", repr(error), may_pass=True)
        with self._lock:
            self._coming.discard(block)
            waiting = self._waiting.pop(block, [])
        for then in waiting:
            try:
                then(problem)
            except Exception as error:  # noqa: BLE001 - the others are told, and the worker goes on
                sys.stderr.write(f"block {block}: {error!r}\n")

    def _take(self, block: Block, data: bytes) -> None:
        with self._lock:
            disk = self._disk
        if disk is not None:
            try:
                _write(disk, block, data)
            except OSError:  # no room, or a disk that fails: the store has it all the same
                self.give_up_disk()
            if self._disk is disk:
                return
        with self._lock:
            self._memory[block] = data
            while len(self._memory) > MOST_IN_MEMORY:
                self._memory.popitem(last=False)


def _write(disk: _Disk, block: Block, data: bytes) -> None:
    view, at = memoryview(data), block[1] * BLOCK_BYTES
    while view:
        written = os.pwrite(disk.handles[block[0]], view, at)
        view, at = view[written:], at + written
    disk.present[block[0]][block[1]] = 1
