"""Statements, written once in SQLAlchemy Core and compiled once per dialect.

What runs is the driver's own cursor: compiling at each call would cost ten times the query
(design: Speed).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Prepared:
    """SQL text of one dialect, and the names of its parameters in order."""

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]

    def bind(self, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The parameters for one execution."""
        constants = self.constants
        return tuple([values[name] if name in values else constants[name] for name in self.names])


def prepare(statement: sa.sql.ClauseElement, dialect: sa.engine.Dialect) -> Prepared:
    """Compile `statement`. Its bindparams without a value are given at each `bind`."""
    compiled: Any = statement.compile(dialect=dialect)
    names = tuple(compiled.positiontup)
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    return Prepared(str(compiled), names, constants)
