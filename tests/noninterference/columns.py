"""What a query reads, and what it gives: columns, under a name and of a type."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

TYPES = "TIRMASB"


@dataclass(frozen=True, slots=True)
class Col:
    """A column as a query can name it."""

    name: str
    type: str
    """One of TYPES."""
    protected: bool = False
    """Whether the rule keeps it out of the output, or out of comparisons."""


@dataclass(frozen=True, slots=True)
class Source:
    """What stands in FROM under an alias."""

    alias: str
    columns: tuple[Col, ...]

    def names(self, wanted: Callable[[Col], bool]) -> list[str]:
        """Its columns, qualified."""
        return [f"{self.alias}.{column.name}" for column in self.columns if wanted(column)]


@dataclass(frozen=True, slots=True)
class Written:
    """A query and the columns that it gives."""

    sql: str
    columns: tuple[Col, ...]
