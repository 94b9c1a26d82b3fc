"""macros/*.sql: statements by name."""

from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files

from whiteroom.engines.duckdb.spark.macros import MACROS

FILES = [file.read_text() for file in files("whiteroom.engines.duckdb.spark").joinpath("macros").iterdir()]


def test_each_macro_is_defined_once_in_whichever_file() -> None:
    """Of two, the one in the file that is read last would silently be all."""
    defined = Counter(name for text in FILES for name in re.findall(r"CREATE MACRO (\w+)", text))
    assert [name for name, times in defined.items() if times > 1] == []
    assert set(defined) == set(MACROS)
