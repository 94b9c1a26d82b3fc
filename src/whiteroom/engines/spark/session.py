"""What a translated query needs on the connection that it runs on: macros, and native functions of ours."""

from __future__ import annotations

import re

import duckdb

from whiteroom.engines.spark.macros import MACROS
from whiteroom.engines.spark.natives import NATIVES, register

_NAMES = re.compile(r"\bspark_[a-z0-9_]+")


def prepare(connection: duckdb.DuckDBPyConnection, *texts: str) -> None:
    """Have the connection know every macro and function of ours that the texts name. May be repeated."""
    pending = {name for text in texts for name in _NAMES.findall(text.lower())}
    done: set[str] = set()
    while pending:
        name = pending.pop()
        if name in NATIVES:
            register(connection, name)
        definition = MACROS.get(name)
        if definition is None or name in done:
            continue
        done.add(name)
        parameters, body = definition
        connection.execute(f"CREATE OR REPLACE TEMP MACRO {name}({parameters}) AS {body}")
        pending |= set(_NAMES.findall(body)) - done
