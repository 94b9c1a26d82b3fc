"""What a translated query needs on the connection that it runs on: macros, and native functions of ours."""

from __future__ import annotations

import re

import duckdb

from whiteroom.engines.duckdb.spark.macros import MACROS
from whiteroom.engines.duckdb.spark.natives import NATIVES, register

_NAMES = re.compile(r"\bspark_[a-z0-9_]+")


def prepare(connection: duckdb.DuckDBPyConnection, *texts: str) -> None:
    """Have the connection know every macro and function of ours that the texts name. May be repeated."""
    made: set[str] = set()
    for text in texts:
        _make(connection, text, made)


def _make(connection: duckdb.DuckDBPyConnection, text: str, made: set[str]) -> None:
    """What a macro names is made before it."""
    for name in dict.fromkeys(_NAMES.findall(text.lower())):
        if name in NATIVES and name not in made:
            made.add(name)
            register(connection, name)
        definition = MACROS.get(name)
        if definition is not None and name not in made:
            made.add(name)
            _make(connection, definition, made)
            connection.execute(f"CREATE OR REPLACE TEMP MACRO {name}{definition}")
