"""Signatures of functions that write numbers and texts."""

from __future__ import annotations

from collections.abc import Mapping

from whiteroom.sql.spark.arguments import MANY, Function

FUNCTIONS: Mapping[str, Function] = {
    "PRINTF": Function(1, MANY, "STRING"),
    "FORMAT_STRING": Function(1, MANY, "STRING"),
    "FORMAT_NUMBER": Function(2, 2, "STRING"),
}
