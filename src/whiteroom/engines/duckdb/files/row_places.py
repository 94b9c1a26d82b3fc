"""Where the rows of Parquet are: in which file, and where in it.

DuckDB says it in columns that `*` leaves out. One of the file's own that is called so hides it, and is renamed first.
"""

from __future__ import annotations

from collections.abc import Sequence
from secrets import token_hex

import duckdb

from whiteroom.engines.duckdb.files.quoting import sql_name

FILE, ROW = f"file {token_hex(8)}", f"row {token_hex(8)}"
"""Columns beside those of a table, which has none of these names: which of its files a row is in, and where in it."""
PLACES = f"file_index::BIGINT AS {sql_name(FILE)}, file_row_number AS {sql_name(ROW)}"
_NAMES = frozenset({"file_index", "file_row_number"})


def with_places(connection: duckdb.DuckDBPyConnection, source: str) -> str:
    """What comes after FROM: the columns of `source`, a call of read_parquet, and FILE and ROW.

    Raises:
        duckdb.Error: a file is broken, or files have different columns.
    """
    described = connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()  # noqa: S608 -- its caller's
    names = [str(name) for name, *_ in described]
    if _NAMES.isdisjoint(name.lower() for name in names):
        return f"(SELECT *, {PLACES} FROM {source})"  # noqa: S608 -- likewise
    return f"(SELECT {_named(names)}, {PLACES} FROM {source} AS held({', '.join(_held(names))}))"  # noqa: S608 -- quoted


def _held(names: Sequence[str]) -> list[str]:
    return [f"held{number}" for number in range(len(names))]


def _named(names: Sequence[str]) -> str:
    return ", ".join(f"{held} AS {sql_name(name)}" for held, name in zip(_held(names), names, strict=True))
