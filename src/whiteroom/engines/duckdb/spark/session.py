"""What a translated query needs on the connection that it runs on: macros, and native functions of ours."""

from __future__ import annotations

import re

import duckdb

from whiteroom.engines.duckdb.spark.macros import MACROS
from whiteroom.engines.duckdb.spark.natives import NATIVES, register

_NAMES = re.compile(r"\bspark_[a-z0-9_]+")


_ERROR = re.compile(r"\berror\('[^']*'\)")


def prepare(connection: duckdb.DuckDBPyConnection, *texts: str, private: bool = False) -> None:
    """Have the connection know every macro and function of ours that the texts name. May be repeated.

    Args:
        connection: of the query.
        texts: of the query.
        private: whether macros make NULL of what would end the query, since that reveals a row: of `error`, which
            DuckDB's TRY does not take, and of what it does not hold (those that have a second form, `private_`).
    """
    made: set[str] = set()
    for text in texts:
        _make(connection, text, made, private=private)


def _make(connection: duckdb.DuckDBPyConnection, text: str, made: set[str], *, private: bool) -> None:
    """What a macro names is made before it."""
    for name in dict.fromkeys(_NAMES.findall(text.lower())):
        if name in NATIVES and name not in made:
            made.add(name)
            register(connection, name)
        definition = (MACROS.get(f"private_{name}") if private else None) or MACROS.get(name)
        if definition is not None and name not in made:
            made.add(name)
            _make(connection, definition, made, private=private)
            written = _ERROR.sub("NULL", definition) if private else definition
            connection.execute(f"CREATE OR REPLACE TEMP MACRO {name}{written}")
