"""Types of columns in Glue and Hive, in Spark SQL's spelling."""

from __future__ import annotations

import re

_ALIASES = {"integer": "int", "decimal": "decimal(10,0)", "long": "bigint", "short": "smallint", "byte": "tinyint"}
_TEXT = re.compile(r"(var)?char\([0-9]{1,5}\)")
_DECIMAL = re.compile(r"decimal\(([0-9]{1,2})(?:,([0-9]{1,2}))?\)")
_MAX_SHOWN = 100
"""Characters of a nested type, which only ever appears in messages."""


def spark_type(hive_type: str, *, is_text: bool = False) -> str:
    """Spark's name of a type; of one that no query can use, such as `array<int>`, its own, cut to a length.

    Args:
        hive_type: as Glue has it.
        is_text: whether the files are text, where bytes are in base64, which is not read here.
    """
    plain = "".join(hive_type.lower().split())
    if _TEXT.fullmatch(plain):
        return "string"
    if is_text and plain == "binary":
        return "binary in a text"
    if decimal := _DECIMAL.fullmatch(plain):
        return f"decimal({int(decimal[1])},{int(decimal[2] or 0)})"
    return _ALIASES.get(plain, plain)[:_MAX_SHOWN]
