"""Processor time and memory that work takes, to be added up: for queries, syntheses and runs alike."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spent:
    """So much was taken; all numbers only grow while work goes on."""

    seconds: float = 0.0
    """Of time, of each process tree by itself."""
    cpu_seconds: float = 0.0
    byte_seconds: float = 0.0
    """Memory, over the time for which it was held."""

    def __add__(self, other: Spent) -> Spent:
        return Spent(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            self.byte_seconds + other.byte_seconds,
        )

    def beyond(self, other: Spent) -> Spent:
        """What there is more here than in another; nothing where there is less."""
        return Spent(
            max(0.0, self.seconds - other.seconds),
            max(0.0, self.cpu_seconds - other.cpu_seconds),
            max(0.0, self.byte_seconds - other.byte_seconds),
        )


NOTHING_SPENT = Spent()
