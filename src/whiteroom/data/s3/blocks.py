"""Which blocks of a file a read takes, and which are asked for ahead of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from whiteroom.data.s3.manifests import BLOCK_BYTES

MOST_AHEAD: Final = 4
"""So many blocks are asked for ahead of whoever reads a file from one end to the other."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How one reader goes through one file."""

    next_block: int = 0
    """The one that it comes to if it goes on as it did."""
    ahead: int = 0
    """How many were asked for ahead of it the last time."""

    def at(self, block: int) -> tuple[Pace, range]:
        """The pace once it reads a block, and the blocks to ask for ahead; none for one that leaps about."""
        if block == self.next_block:
            ahead = min(MOST_AHEAD, 2 * self.ahead or 1)
            return Pace(block + 1, ahead), range(block + 1, block + 1 + ahead)
        if block == self.next_block - 1:
            return self, range(0)
        return Pace(block + 1), range(0)


def blocks_of(start: int, length: int, size_bytes: int) -> range:
    """The blocks that a read touches; what is behind the end is not read."""
    stop = min(start + length, size_bytes)
    return range(start // BLOCK_BYTES, -(-stop // BLOCK_BYTES)) if start < stop else range(0)


def bounds(block: int, size_bytes: int) -> tuple[int, int]:
    """Where a block begins, and where it ends."""
    return block * BLOCK_BYTES, min((block + 1) * BLOCK_BYTES, size_bytes)


def count(size_bytes: int) -> int:
    """How many blocks a file has."""
    return -(-size_bytes // BLOCK_BYTES)
