"""Columns of databases' tables, as they are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from whiteroom.databases.refusals import DatabaseRefused


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column as it is read."""

    name: str
    type: str
    expression: str
    """What is selected; empty where the column cannot be read."""


def require_one_each(table: str, names: Iterable[str]) -> None:
    """Whether no two columns of a table have one name; case does not count.

    Raises:
        DatabaseRefused: two have.
    """
    for name, count in Counter(map(str.lower, names)).items():
        if count > 1:
            raise DatabaseRefused(
                f"{table} has two columns named '{name}' (case does not count). Make a view that has not."
            )
