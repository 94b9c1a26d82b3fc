r"""Macros that a translated query may call, by name: the statements of macros/.

DuckDB writes a macro out where it is called, so that it stays vectorised and its plan names DuckDB's functions alone. A
parameter that is used twice is computed twice: what may be nested deeply names each once. `[\x00-\x20\x7f]*` is what
Spark trims off text before it reads it as another type.
"""

from __future__ import annotations

import re
from importlib.resources import files

_STATEMENT = re.compile(r"^CREATE MACRO (\w+)(.*?);$", re.MULTILINE | re.DOTALL)

_FOLDER = files("whiteroom.engines.duckdb.spark").joinpath("macros")
_TEXT = "".join(file.read_text() for file in _FOLDER.iterdir())

MACROS: dict[str, str] = dict(_STATEMENT.findall(_TEXT))
"""What comes after the name in CREATE MACRO."""
