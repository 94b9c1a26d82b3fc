"""Signatures of functions of bytes and character sets."""

from __future__ import annotations

from collections.abc import Mapping

from whiteroom.sql.spark.arguments import Function

FUNCTIONS: Mapping[str, Function] = {
    "CONV": Function(3, 3, "STRING"),
    "BIN": Function(1, 1, "STRING"),
    "OCTET_LENGTH": Function(1, 1, "INT"),
    "URL_ENCODE": Function(1, 1, "STRING"),
    "URL_DECODE": Function(1, 1, "STRING"),
}
