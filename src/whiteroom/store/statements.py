"""Statements, written once in SQLAlchemy Core and compiled once per dialect.

What runs is the driver's own cursor: compiling at each call would cost ten times the query.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Prepared:
    """SQL text of one dialect, the names of its parameters in order, and how they are bound."""

    sql: str
    names: tuple[str, ...]
    bind: Callable[[Mapping[str, Any]], tuple[Any, ...]]
    """The parameters for one execution."""
    writes: str | None = None
    """The table that it changes; None where it only reads."""


def prepare(statement: sa.sql.ClauseElement, dialect: sa.engine.Dialect) -> Prepared:
    """Compile `statement`. Its bindparams without a value are given at each `bind`."""
    compiled: Any = statement.compile(dialect=dialect)
    constants = {name: value for name, value in compiled.params.items() if value is not None}
    names = tuple(compiled.positiontup)
    places = [f"constants[{name!r}]" if name in constants else f"values[{name!r}]" for name in names]
    # Written once, like a record's decoder (codec.py): a request binds half a dozen statements.
    bind = eval(f"lambda values: ({''.join(f'{place}, ' for place in places)})", {"constants": constants})  # noqa: S307
    writes = str(statement.table) if isinstance(statement, sa.Insert | sa.Update | sa.Delete) else None
    return Prepared(str(compiled), names, bind, writes)
