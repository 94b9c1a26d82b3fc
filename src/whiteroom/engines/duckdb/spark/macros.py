"""Macros that a translated query may call, by name: the statements of macros.sql."""

from __future__ import annotations

import re
from importlib.resources import files

_STATEMENT = re.compile(r"^CREATE MACRO (\w+)(.*?);$", re.MULTILINE | re.DOTALL)

_TEXT = files("whiteroom.engines.duckdb.spark").joinpath("macros.sql").read_text()

MACROS: dict[str, str] = dict(_STATEMENT.findall(_TEXT))
"""What stands after the name in CREATE MACRO."""
