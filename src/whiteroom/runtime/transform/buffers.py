"""Memory that is used again: fresh memory for every payload would cost more than the rest of the work on it."""

from __future__ import annotations


class Buffers:
    """Buffers of one size, taken and given back by any thread."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self._free: list[bytearray] = []

    def take(self) -> bytearray:
        """One that nobody uses; what it holds is of no meaning."""
        try:
            return self._free.pop()
        except IndexError:
            return bytearray(self.size_bytes)

    def give(self, buffer: bytearray) -> None:
        """Give one back. The giver no longer looks at it."""
        self._free.append(buffer)
