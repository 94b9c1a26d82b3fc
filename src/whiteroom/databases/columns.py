"""Columns of databases' tables, as they are read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """A column as it is read."""

    name: str
    type: str
    expression: str
    """What is selected; empty where the column cannot be read."""
