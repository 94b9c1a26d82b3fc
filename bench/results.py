"""One figure: what was measured, beside what, and the ratio that was wanted."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """A row of docs/benchmarks.md."""

    name: str
    ours: str
    peer: str
    ratio: str
    """What came out, as text: `18.2 times`."""
    target: str
    reached: bool | None
    """None where this machine could not measure it."""

    @property
    def verdict(self) -> str:
        """In a word or two."""
        return {True: "reached", False: "MISSED", None: "not measured"}[self.reached]


@dataclass(frozen=True, slots=True)
class Section:
    """One benchmark: its figures, and what has to be known to read them."""

    title: str
    about: str
    figures: tuple[Figure, ...]


def not_measured(name: str, target: str, reason: str) -> Figure:
    """What this machine lacks the means to measure."""
    return Figure(name, "", "", reason, target, None)


def spread(values: list[float], unit: str, digits: int = 1) -> str:
    """The median of several runs, with the least and the most."""
    if len(values) == 1:
        return f"{values[0]:,.{digits}f} {unit}"
    return f"{median(values):,.{digits}f} {unit} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"
